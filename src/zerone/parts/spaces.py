"""The former place of `Spaces`: algorithms from outside that were written before it moved import it from here."""

from zerone.environments.spaces import Spaces as Spaces
