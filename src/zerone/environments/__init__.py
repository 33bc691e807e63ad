"""Tasks to learn, written in JAX, and the bridges to and from Gymnasium. Importing it registers them there."""

from zerone.environments.gym.registration import register

register()
