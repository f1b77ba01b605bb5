from .blocks import line_tokenizer  # noqa: F401
