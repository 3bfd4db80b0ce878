"""Other sciences' tables, packaged as controls: no neuron and no network among them."""
