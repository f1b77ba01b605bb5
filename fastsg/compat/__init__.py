"""gensim's Word2Vec over our model: programs written for gensim 4 run when one import changes.

    from fastsg.compat import Word2Vec, LineSentence        # was: from gensim.models.word2vec import ...

    word2vec    Word2Vec: gensim's names and signatures, each handed on to a SkipGram
    trained     its base: vectors, loss and probabilities by gensim's names
    arguments   gensim's settings made into ours, and a warning that names those without effect
    callbacks   gensim's callbacks, told of our epochs
    sentences   LineSentence, Text8Corpus, PathLineSentences

Nothing here imports gensim, and no code of it is here. The package itself never imports this folder.
"""

from .callbacks import CallbackAny2Vec
from .sentences import LineSentence, PathLineSentences, Text8Corpus
from .word2vec import Word2Vec

__all__ = ["CallbackAny2Vec", "LineSentence", "PathLineSentences", "Text8Corpus", "Word2Vec"]
