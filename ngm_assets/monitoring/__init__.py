"""Watching data and models: is what comes in still what the models were made for?"""
