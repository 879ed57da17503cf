"""From a chapter's source to executed cells, downloads and reading times."""
