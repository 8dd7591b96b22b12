"""The picture formats we accept: each module finds the dimensions and proves that the end is there."""
