"""GET below a stage URL: the index as if the stage were published."""
