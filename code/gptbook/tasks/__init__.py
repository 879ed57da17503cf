"""What `gptbook train` trains: each recipe, and what it learns from."""
