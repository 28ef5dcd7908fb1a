"""A package of a user's own: one drift statistic, one alert sink, one estimator."""
