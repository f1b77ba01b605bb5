"""The explorer: vectors as one HTML page that needs nothing else, no server and no network.

    KeyedVectors, O, bias -> page         words, vectors and a map of them in one file
                               |-> quantised    the vectors in twelve bits a number, and what that costs
    page.html, page.css                   what is seen
    store.js -> search.js                 the vectors unpacked; cosines, probabilities, completion
             -> map.js                    the canvas: points, labels, pan and zoom
             -> panel.js                  search boxes and lists

The page answers as :class:`~fastsg.KeyedVectors` and ``predict_context`` do, over all of its words. It may
load and send nothing: its own policy (Content-Security-Policy) forbids that to the browser. Whatever is shown
there is text for the browser, never markup; no word can be a command.
"""

from .page import MOST_WORDS, Page, make_page

__all__ = ["MOST_WORDS", "Page", "make_page"]
