"""How chapters become pages and downloads; knows MkDocs and Jupyter, which `gptbook` never does."""
