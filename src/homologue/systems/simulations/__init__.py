"""Published simulations: genes, species, people; perturbable, and neither brain nor network."""
