"""What users hold: the models, their files and reports.

    skipgram    SkipGram: settings, vocabulary, a Training, a SoftmaxModel; the public trainer
    softmax     SoftmaxModel: probabilities, scores, perplexity of any text
    inputs      what users hand in, made into arrays and batches
    saving      a model as data, and back: what goes into io/model_file.py
    checkpoint  the model file at the ends of epochs
    report      what a training leaves on record

Sentences come in through inputs, become a corpus (text/), counts (cooccurrence/) and matrices (training/),
and leave as word vectors (vectors/) and files (io/)."""

from .checkpoint import Checkpoint, load_checkpoint
from .skipgram import SkipGram, load
from .softmax import SoftmaxModel

__all__ = ["Checkpoint", "SkipGram", "SoftmaxModel", "load", "load_checkpoint"]
