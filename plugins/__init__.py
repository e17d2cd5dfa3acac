"""Methods, backbones, front ends, corpora and observers that come with devbench."""
