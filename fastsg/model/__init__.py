"""What users hold: the models, their files and reports.

    skipgram        SkipGram: settings, and the ways to train
    trained_model   TrainedModel, its base: what a model shows of its training
    softmax         SoftmaxModel: probabilities, scores, perplexity of any text
    text_reader     how the texts of a model become ids: tokenizer, encoding, lower
    pretrained      vectors that a training starts from
    inputs          what users hand in, made into arrays, and into batches to train on
    sharing         what one of several processes has read, on all of them
    saving          a model as data, and back: what goes into io/model_file.py
    checkpoint      the model file now and then while it is trained
    report          what a training leaves on record
    forecasting     what a training would take, from a small one
    verifying       whether a file is still what was written

Sentences come in through text_reader, become a corpus (text/), counts (cooccurrence/) and matrices
(training/), and leave as word vectors (vectors/) and files (io/).
"""

from .checkpoint import Checkpoint, load_checkpoint, seconds_of, spare_path
from .forecasting import Forecast, forecast
from .report import Report, build_report, json_text, write_json
from .skipgram import SkipGram, load
from .softmax import SoftmaxModel
from .trained_model import TrainedModel
from .verifying import Verified, verify

__all__ = [
    "Checkpoint",
    "Forecast",
    "Report",
    "SkipGram",
    "SoftmaxModel",
    "TrainedModel",
    "Verified",
    "build_report",
    "forecast",
    "json_text",
    "load",
    "load_checkpoint",
    "seconds_of",
    "spare_path",
    "verify",
    "write_json",
]
