"""Processors that misbehave on one page, as their parameters ``mode`` and ``where`` say."""
