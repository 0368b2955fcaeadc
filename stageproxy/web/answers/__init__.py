"""How answers are sent: headers, conditions, parts, compression, streams."""
