"""afina turns a pretrained Transformer into a specialist of your domain, and says why."""

__version__ = "0.1.0"
