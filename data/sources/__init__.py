"""The places that pairs come from: folders of images, and datasets of the Hugging Face hub."""
