"""Many runs: comparing them, and sweeping settings."""
