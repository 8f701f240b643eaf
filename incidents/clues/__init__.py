"""From one alert to its place in an outage: what it is about, what may explain it, what it may explain. Pure."""
