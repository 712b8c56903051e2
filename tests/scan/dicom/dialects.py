"""How each vendor writes the diffusion weighting of one image."""

from __future__ import annotations

from collections.abc import Callable

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

Direction = tuple[float, float, float] | None
Dialect = Callable[[Dataset, float, Direction], None]


def standard(header: Dataset, b_value: float, direction: Direction = None) -> None:
    """The public tag, as in enhanced files and by most vendors' newer software."""
    header.Manufacturer = "Test"
    weighted = "ISOTROPIC" if direction is None else "DIRECTIONAL"
    header.DiffusionDirectionality = weighted if b_value > 0 else "NONE"
    header.DiffusionBValue = float(b_value)
    if b_value > 0 and direction is not None:
        item = Dataset()
        item.DiffusionGradientOrientation = list(direction)
        header.DiffusionGradientDirectionSequence = DicomSequence([item])


def named(manufacturer: str) -> Dialect:
    """The public tags, by some vendor, as in its enhanced files."""

    def dialect(header: Dataset, b_value: float, direction: Direction = None) -> None:
        standard(header, b_value, direction)
        header.Manufacturer = manufacturer

    return dialect


def siemens(header: Dataset, b_value: float, direction: Direction = None) -> None:
    """Private tag whose VR was lost on the way, as in PROSTATEx."""
    header.Manufacturer = "SIEMENS"
    block = header.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    text = f"{b_value:.0f}".encode()
    block.add_new(0x0C, "UN", text + b" " * (len(text) % 2))
    if b_value > 0 and direction is not None:
        block.add_new(0x0D, "CS", "DIRECTIONAL")
        block.add_new(0x0E, "FD", list(direction))


def siemens_csa(header: Dataset, b_value: float, direction: Direction = None) -> None:
    """Only the CSA header says b."""
    header.Manufacturer = "SIEMENS"
    entries = {"B_value": f"{b_value:.0f}"}
    if b_value > 0 and direction is not None:
        entries["DiffusionGradientDirection"] = " ".join(map(str, direction))
    block = header.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x10, "OB", csa_header(entries))


def siemens_stripped(header: Dataset, b_value: float, direction: Direction = None) -> None:
    """An anonymiser left only the name of the sequence."""
    header.Manufacturer = "SIEMENS"
    header.SequenceName = f"*ep_b{b_value:.0f}" + ("" if b_value == 0 else "t" if direction is None else "#1")


def ge(header: Dataset, b_value: float, direction: Direction = None) -> None:
    """Private tag with 1e9 added, as for multi-b trace series."""
    header.Manufacturer = "GE MEDICAL SYSTEMS"
    block = header.private_block(0x0043, "GEMS_PARM_01", create=True)
    block.add_new(0x39, "IS", [int(1_000_000_000 + b_value), 8, 0, 0])
    block.add_new(0x30, "SS", 14 if b_value == 0 else 19)
    block.add_new(0x7F, "DS", ["1000000000"])
    _ge_direction(header, b_value, direction)


def ge_tensor(header: Dataset, b_value: float, direction: Direction = None) -> None:
    """Private tag as it is, as for diffusion tensor imaging."""
    header.Manufacturer = "GE MEDICAL SYSTEMS"
    block = header.private_block(0x0043, "GEMS_PARM_01", create=True)
    block.add_new(0x39, "IS", [int(b_value), 8, 0, 0])
    block.add_new(0x30, "SS", 14 if b_value == 0 else 16)
    _ge_direction(header, b_value, direction)


def _ge_direction(header: Dataset, b_value: float, direction: Direction) -> None:
    block = header.private_block(0x0019, "GEMS_ACQU_01", create=True)
    along = direction if b_value > 0 and direction is not None else (0.0, 0.0, 0.0)
    for element, component in zip((0xBB, 0xBC, 0xBD), along, strict=True):
        block.add_new(element, "DS", f"{component:g}")


def philips(header: Dataset, b_value: float, direction: Direction = None) -> None:
    """Private float, and the letter of the direction."""
    header.Manufacturer = "Philips Medical Systems"
    block = header.private_block(0x2001, "Philips Imaging DD 001", create=True)
    block.add_new(0x03, "FL", float(b_value))
    block.add_new(0x04, "CS", "I" if direction is None or b_value == 0 else "O")
    along = direction if b_value > 0 and direction is not None else (0.0, 0.0, 0.0)
    block = header.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
    for element, component in zip((0xB0, 0xB1, 0xB2), along, strict=True):
        block.add_new(element, "FL", component)


def uih(header: Dataset, b_value: float, direction: Direction = None) -> None:
    """Private double, with the b-value that was really applied."""
    header.Manufacturer = "UIH"
    block = header.private_block(0x0065, "Image Private Header", create=True)
    block.add_new(0x09, "FD", float(b_value))
    block.add_new(0x0A, "FD", float(round(b_value, -2)))
    block.add_new(0x37, "FD", list(direction or (0.0, 0.0, 0.0)))


def canon(header: Dataset, b_value: float, direction: Direction = None) -> None:
    """The public tag, left out where there is no weighting."""
    header.Manufacturer = "CANON_MEC"
    if b_value > 0:
        header.DiffusionBValue = float(b_value)
        if direction is not None:
            header.DiffusionGradientOrientation = list(direction)


def toshiba(header: Dataset, b_value: float, direction: Direction = None) -> None:
    """As Canon, under the name of before 2016."""
    canon(header, b_value, direction)
    header.Manufacturer = "TOSHIBA_MEC"


def silent(header: Dataset, b_value: float, direction: Direction = None) -> None:  # noqa: ARG001
    """Nothing anywhere, as by Bruker."""
    header.Manufacturer = "Bruker BioSpin MRI GmbH"


def mosaic(header: Dataset, b_value: float, direction: Direction = None) -> None:
    """Siemens mosaic: the images are the four slices of a volume, side by side."""
    siemens(header, b_value, direction)
    header.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
    header.private_block(0x0019, "SIEMENS MR HEADER").add_new(0x0A, "US", 4)
    block = header.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    entries = {"NumberOfImagesInMosaic": "4", "SliceNormalVector": "0 0 1", "MosaicRefAcqTimes": "0 1 2 3"}
    block.add_new(0x10, "OB", csa_header(entries))


DIALECTS: dict[str, Dialect] = {
    "standard": standard,
    "siemens": siemens,
    "siemens_csa": siemens_csa,
    "siemens_stripped": siemens_stripped,
    "ge": ge,
    "ge_tensor": ge_tensor,
    "philips": philips,
    "uih": uih,
    "canon": canon,
    "toshiba": toshiba,
}

# Whose scanners write enhanced multi-frame files, and how they call themselves in them.
ENHANCED: dict[str, Dialect] = {
    "siemens": named("Siemens Healthineers"),
    "ge": named("GE MEDICAL SYSTEMS"),
    "philips": named("Philips"),
    "canon": canon,
    "bruker": named("Bruker BioSpin"),
}


def csa_header(entries: dict[str, str]) -> bytes:
    """A Siemens CSA2 header of text items; several values of one item are separated by blanks."""
    check = (77).to_bytes(4, "little")
    out = b"SV10\x04\x03\x02\x01" + len(entries).to_bytes(4, "little") + check
    for name, text in entries.items():
        values = [value.encode() + b"\0" for value in text.split()]
        count = len(values).to_bytes(4, "little")
        out += name.encode().ljust(64, b"\0") + count + b"FD\0\0" + (6).to_bytes(4, "little") + count + check
        for value in values:
            out += len(value).to_bytes(4, "little") * 4 + value + b"\0" * (-len(value) % 4)
    return out
