"""A method that is given a folder: one constant gain, as many dB as there are files in it."""

from __future__ import annotations

import dataclasses

from devbench import Folder, Method, MethodSpec, hookimpl


class CountsFiles(Method):
    def __init__(self, folder: Folder = None) -> None:
        self.folder = folder

    def fit(self, train, side, generator):
        self.gain_db = len([p for p in self.folder.rglob("*") if p.is_file()]) if self.folder else 0
        outside = self.folder.resolve().parents[1].name if self.folder else ""
        assert outside != "pools", "the folder is a copy in the scratch folder"

    def augment(self, batch, generator):
        return dataclasses.replace(batch, spectrogram_db=batch.spectrogram_db + self.gain_db)


@hookimpl
def devbench_method() -> MethodSpec:
    return MethodSpec(name="counts-files", build=CountsFiles)
