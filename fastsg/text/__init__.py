"""Text to word ids: files, blocks, tokenizers, vocabulary, encoded corpora. Knows no vectors."""
