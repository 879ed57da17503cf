"""The command `gptbook`."""
