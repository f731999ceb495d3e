"""What is imported with the collector at rest."""

import gc

import pytest

from grpo_space.imports import uncollected


def test_what_is_imported_is_looked_through_by_no_collection() -> None:
    """Neither meanwhile nor afterwards; and an import that fails leaves the collector as it was."""
    try:
        with uncollected():
            assert not gc.isenabled()
            imported = [object()]
        assert gc.isenabled()
        assert not any(each is imported for each in gc.get_objects())
        later = [object()]
        assert any(each is later for each in gc.get_objects())
        with pytest.raises(ImportError), uncollected():
            raise ImportError("broken")
        assert gc.isenabled()
    finally:
        gc.unfreeze()
