"""Text to word ids: files, tokenizers, vocabularies, encoded corpora. Knows no vectors.

The way of a file::

    files ──► blocks ──► worker: clean, cut, look up ──► ids of that worker's table ─┐
              blocks ──► worker: clean, cut, look up ──► ids of that worker's table ─┤  encoders
                                                                                     ▼
        tables merged, words sorted: Vocab ──► ids replaced, other words dropped ────┤  ids, vocab
                                                                                     ▼
                                                   EncodedCorpus, saved and mapped      corpus

What a worker does is compiled and holds no GIL. Workers are Python threads, not OpenMP's: they need no
barrier, overlap with reading, and survive a fork. Token lists, and the lines that tokenizers of users cut
(``tokenizers``), go through an encoder in Python instead. ``subsampling`` drops frequent words of what was
encoded. Other encodings become UTF-8, and texts lower case, on their way into the blocks (``transcoding``);
``segmentation`` notices text without spaces between its words. Several machines take a share of a text each
(``shards``); of a text that another process has read, its words and their numbers are known (``remote``).
"""

from .corpus import EncodedCorpus, is_encoded_corpus
from .growth import summed_vocab
from .ids import NoTokens
from .sentences import file_lines, file_words
from .shards import parse_shard
from .subsampling import keep_probabilities, thin
from .tokenizers import line_tokenizer
from .vocab import Vocab

__all__ = [
    "EncodedCorpus",
    "NoTokens",
    "Vocab",
    "file_lines",
    "file_words",
    "is_encoded_corpus",
    "keep_probabilities",
    "line_tokenizer",
    "parse_shard",
    "summed_vocab",
    "thin",
]
