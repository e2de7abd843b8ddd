"""What every page and every API resource shares: lists, forms, errors, headers, the dialect on the wire.

It knows no model: it is given querysets, FilterSets, serializers and permissions, and never looks one up.
"""
