"""Resources: the handlers of their types, and the evaluation of their properties."""
