"""What models learn from: tables, texts, tokenizers, and batches of them."""
