"""``python -m napari_dwi`` is the ``napari-dwi`` command."""

import sys

from napari_dwi.cli import main

sys.exit(main())
