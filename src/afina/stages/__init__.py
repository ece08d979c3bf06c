"""The stages: each a verb, each one public function from records to a record."""
