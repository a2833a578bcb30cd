//! Fuzz targets: every parser, on random and corpus bytes; they run on stable as ordinary tests.
