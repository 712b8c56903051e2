"""What a viewer's docks share: the scan, its results, the regions, and the queue of jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QWidget

from napari_dwi.errors import DwiError
from napari_dwi.gui.canvas_text import OrientationLetters, PositionText
from napari_dwi.gui.closing import CloseGuard, main_window_of
from napari_dwi.gui.conventions import ConventionCamera
from napari_dwi.gui.jobs import NOTHING_KEPT, Job, JobQueue
from napari_dwi.gui.keeping import Keeping
from napari_dwi.gui.loose_layers import carries_image, take_over
from napari_dwi.gui.messages import ask, tell_error
from napari_dwi.gui.panes import Panes
from napari_dwi.gui.recovery_bar import offer_recovery
from napari_dwi.gui.region_layers import RegionLayers
from napari_dwi.gui.shown_images import Shown, ShownImages
from napari_dwi.gui.volume_choice import AS_ACQUIRED, VolumeChoice
from napari_dwi.methods.keeping import ScanKeeper
from napari_dwi.methods.method import OutputImage
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.running import Result
from napari_dwi.scan import DwiSeries, Grid, View, Volume, format_b_value

if TYPE_CHECKING:
    import napari

    from napari_dwi.scan.view import Convention

_NOTHING_LOADED = "Load a scan in the Scan dock first."

_rooms: dict[int, ReadingRoom] = {}


class ReadingRoom:
    """Everything the docks of one viewer have in common.

    Use `ReadingRoom.of`, which gives every dock of a viewer the same one.
    """

    scan_changed = Signal()
    anatomy_changed = Signal()
    images_changed = Signal()
    regions_changed = Signal()
    convention_changed = Signal()

    def __init__(self, viewer: napari.Viewer) -> None:
        self.viewer = viewer
        self.series: DwiSeries | None = None
        # The series as read, and what of it is on show.
        self.acquired: DwiSeries | None = None
        self.choice = AS_ACQUIRED
        self.why_empty = _NOTHING_LOADED
        self.anatomy: tuple[Volume, ...] = ()
        self.view: View | None = None
        self.regions: RegionLayers | None = None
        self._images = ShownImages(viewer)
        self.queue = JobQueue()
        self.keeping = Keeping(self)
        self.panes = Panes(viewer)
        self._camera = ConventionCamera(viewer)
        self.letters = OrientationLetters(viewer)
        self.position_text = PositionText(viewer, self._b_value_at)
        self._guard: CloseGuard | None = None
        self.panes.toggled.connect(self._on_toggled)
        # Layers cannot be rearranged while napari is still telling of the change.
        self._rearrange = QTimer()
        self._rearrange.setSingleShot(True)
        self._rearrange.timeout.connect(self._on_rearrange)
        viewer.layers.events.removed.connect(self._on_layer_removed)
        viewer.layers.events.inserted.connect(self._on_layer_inserted)
        # Layers of one reader arrive one by one; they are taken over together.
        self._take_over = QTimer()
        self._take_over.setSingleShot(True)
        self._take_over.timeout.connect(self._on_loose_layers)
        self._take_over.start(0)
        # Only after napari itself has done with a removal.
        self._close_gap = QTimer()
        self._close_gap.setSingleShot(True)
        self._close_gap.timeout.connect(self._on_gap)
        viewer.canvas.overlays.scale_bar.visible = True
        viewer.canvas.overlays.scale_bar.gridded = True

    @classmethod
    def of(cls, viewer: napari.Viewer) -> ReadingRoom:
        """The room of a viewer; made at the first call."""
        # napari hands plugins a proxy of the viewer; all docks must share the one behind it.
        viewer = getattr(viewer, "__wrapped__", viewer)
        if id(viewer) not in _rooms:
            _rooms[id(viewer)] = cls(viewer)
        return _rooms[id(viewer)]

    def close(self, *, discard: bool = False) -> None:
        """Forget the viewer; called when its window closes. Unsaved work is kept unless discarded."""
        self.queue.stop_all()
        self.keeping.close(discard=discard)
        self._take_over.stop()
        self._close_gap.stop()
        self._rearrange.stop()
        if self.regions is not None:
            self.regions.forget()
        self._images.close()
        _rooms.pop(id(self.viewer), None)

    @property
    def shown(self) -> list[Shown]:
        """The images on show, in their order on the screen."""
        return self._images.shown

    def guard(self, dock: QWidget) -> None:
        """Watch over the window that a dock lives in."""
        window = main_window_of(dock)
        if self._guard is None and window is not None:
            self._guard = CloseGuard(window, self)
            offer_recovery(self, dock)

    def submit(
        self,
        title: str,
        work: Callable[[Progress], Any],
        on_done: Callable[[Any], None],
        on_failed: Callable[[DwiError], None] = tell_error,
        kept: str = NOTHING_KEPT,
    ) -> Job:
        """Do long work in the background; as `Job`. Errors are shown unless somebody else takes them."""
        job = Job(title, self.keeping.watched(title, work), on_done, on_failed, kept)
        self.queue.submit(job)
        return job

    def may_replace(self, parent: QWidget | None = None) -> bool:
        """Whether another scan may take this one's place; asks if something would be lost."""
        results = any(shown.result is not None for shown in self.shown)
        drawn = self.regions is not None and bool(self.regions.regions)
        question = "The regions and results of the scan on show will be closed."
        return not (results or drawn) or ask(parent, question, "Load the new scan")

    def show_scan(
        self,
        series: DwiSeries | None,
        anatomy: tuple[Volume, ...],
        grid: Grid | None = None,
        *,
        acquired: DwiSeries | None = None,
        choice: VolumeChoice = AS_ACQUIRED,
    ) -> None:
        """Show a scan in place of the one before.

        Parameters
        ----------
        series : DwiSeries or None
            The diffusion series; ``None`` where only its results are left.
        anatomy : tuple of Volume
            Anatomical images, and maps made elsewhere, on the grid of the series.
        grid : Grid, optional
            The grid of the results, where there is no series.
        acquired : DwiSeries, optional
            The series as read, where ``series`` was averaged from it.
        choice : VolumeChoice
            How it was.
        """
        if series is not None:
            grid = series.grid
        if grid is None:
            raise ValueError("a scan needs a series or a grid")
        # napari draws its scene anew for every layer: in a batch, once at the end.
        with self.viewer.layers.batched_update():
            self._clear()
            self.series, self.anatomy = series, anatomy
            self.acquired, self.choice = acquired or series, choice
            self.why_empty = _NOTHING_LOADED
            self.view = View(grid)
            self.keeping.start(ScanKeeper(acquired or series, anatomy, choice.volumes))
            if series is not None:
                self._images.add(series, self.view, "DWI", "scan")
            for volume in anatomy:
                self._images.add(volume, self.view, volume.name, "anatomy").layer.visible = False
            self.regions = RegionLayers(self.viewer, self.view)
            self.regions.changed.connect(self.regions_changed.emit)
            self.letters.show(self.view)
            if self.shown:
                self._arrange(side_by_side=False)
        if series is not None:
            self.viewer.dims.set_current_step(0, 0)
            self.viewer.dims.set_current_step(1, self.view.shape[0] // 2)
        self.viewer.reset_view()
        self.position_text.update()
        self.scan_changed.emit()
        self.images_changed.emit()

    def add_anatomy(self, volumes: tuple[Volume, ...]) -> None:
        """Show more anatomy, or maps made elsewhere, with the scan; they lie on its grid."""
        if self.view is None:
            return
        side_by_side = self.panes.side_by_side
        with self.viewer.layers.batched_update():
            self.panes.leave()
            for volume in volumes:
                layer = self._images.add(volume, self.view, volume.name, "anatomy").layer
                layer.visible = side_by_side
            self._have_anatomy((*self.anatomy, *volumes))
            self._arrange(side_by_side=side_by_side)
        self.images_changed.emit()

    def remove_anatomy(self, volume: Volume) -> None:
        """Take anatomy or a map away from the scan."""
        self._images.remove(volume)

    def stay_empty(self, why: str) -> None:
        """Say why there is no scan to work on, if there is none."""
        self.why_empty = why
        if self.series is None:
            self.scan_changed.emit()

    def replace_anatomy(self, old: Volume, new: Volume) -> None:
        """Show another version of an anatomical image in the layer of the one before."""
        if self.view is not None:
            self._images.exchange(old, new, self.view)
        self._have_anatomy(tuple(new if volume is old else volume for volume in self.anatomy))
        self.images_changed.emit()

    def _have_anatomy(self, anatomy: tuple[Volume, ...]) -> None:
        self.anatomy = anatomy
        self.keeping.have_anatomy(anatomy)
        self.anatomy_changed.emit()

    def show_result(self, result: Result, title: str) -> None:
        """Show a result and its residual beside the scan, side by side."""
        self.keeping.on_shown(result, title)
        self.show_outputs(result, [output for output in result.output.images if not output.aside])

    def show_outputs(self, result: Result, outputs: Iterable[OutputImage]) -> None:
        """Show some images of a result beside the scan, side by side."""
        if self.view is None:
            return
        title = self.keeping.title_of(result)
        with self.viewer.layers.batched_update():
            # Arranging brings them back, once all layers are there.
            self.panes.leave()
            for output in outputs:
                is_main = len(result.output.images) == 2 and output is result.output.images[0]
                name = title if is_main else f"{title} {output.symbol}"
                self._images.add(
                    output.image,
                    self.view,
                    name,
                    output.role,
                    series=self.series,
                    result=result,
                    output=output,
                )
            self._arrange(side_by_side=True)
        self.viewer.reset_view()
        self.images_changed.emit()

    def hide(self, output: OutputImage) -> None:
        """Take an image of a result off the screen; with its last image a result is gone."""
        for shown in [shown for shown in self.shown if shown.output is output]:
            self._images.remove(shown.image)

    def set_side_by_side(self, wanted: bool) -> None:
        """Show every image in its own pane, or one above the other."""
        if self.shown:
            self._arrange(side_by_side=wanted)
            if not wanted:
                for shown in self.shown:
                    shown.layer.visible = shown.role == "scan"
            self.viewer.reset_view()
            self.images_changed.emit()

    @property
    def convention(self) -> Convention:
        """Which side of the patient slices show on the left: that of this scan and of the next."""
        return self._camera.convention

    def set_convention(self, convention: Convention) -> None:
        """Show slices in radiological or neurological convention; all that is on show stays."""
        self._camera.convention = convention
        self.convention_changed.emit()

    def current_volume(self) -> int:
        """Index of the volume on screen."""
        return int(self.viewer.dims.current_step[0]) if self.viewer.dims.ndim == 4 else 0

    def _arrange(self, *, side_by_side: bool) -> None:
        self.panes.arrange([shown.layer for shown in self.shown], self.regions, side_by_side=side_by_side)

    def _clear(self) -> None:
        self.panes.leave()
        if self.regions is not None:
            self.regions.close()
            self.regions = None
        self._images.clear()

    def _on_layer_removed(self, event: Any) -> None:
        if (gone := self._images.forget(event.value)) is None:
            return
        if gone.role == "anatomy":
            self._have_anatomy(tuple(volume for volume in self.anatomy if volume is not gone.image))
        self._close_gap.start(0)
        self.images_changed.emit()

    def _on_toggled(self) -> None:
        self._rearrange.start(0)

    def _on_rearrange(self) -> None:
        self.set_side_by_side(self.panes.side_by_side)

    def _on_gap(self) -> None:
        """Give the panes anew, as napari counts layers and would pair them wrongly."""
        if self.shown and self.panes.side_by_side:
            self._arrange(side_by_side=True)

    def _on_layer_inserted(self, event: Any) -> None:
        if carries_image(event.value):
            self._take_over.start(0)

    def _on_loose_layers(self) -> None:
        take_over(self)

    def _b_value_at(self, volume: int) -> str | None:
        if self.series is None or volume >= len(self.series.b_values):
            return None
        return format_b_value(float(self.series.b_values.values[volume]))
