"""Which codecs are decoded at all: those that clips and sounds of the web come in."""

from __future__ import annotations

from vidal.engine.errors import SampleError

# Each codec, and the decoders in software that read it, under their names in PyAV's libraries and in builds of ffmpeg.
VIDEO = {
    "h264": ("h264",),
    "hevc": ("hevc",),
    "vp8": ("vp8", "libvpx"),
    "vp9": ("vp9", "libvpx-vp9"),
    "av1": ("libdav1d", "libaom-av1", "av1"),
    "mpeg4": ("mpeg4",),
    "mpeg2video": ("mpeg2video", "mpegvideo"),
    "mpeg1video": ("mpeg1video",),
    "theora": ("theora",),
    "mjpeg": ("mjpeg",),
    "h263": ("h263",),
    "flv1": ("flv",),
}
PCM = ("s8", "u8", "s16le", "s16be", "s24le", "s24be", "s32le", "s32be", "f32le", "f32be", "f64le", "f64be")
AUDIO = {
    "aac": ("aac",),
    "mp3": ("mp3float", "mp3"),
    "mp2": ("mp2float", "mp2"),
    "mp1": ("mp1float", "mp1"),
    "opus": ("opus", "libopus"),
    "vorbis": ("vorbis", "libvorbis"),
    "flac": ("flac",),
    "alac": ("alac",),
    "ac3": ("ac3",),
    "eac3": ("eac3",),
    "amr_nb": ("amrnb", "libopencore_amrnb"),
    "amr_wb": ("amrwb", "libopencore_amrwb"),
    "adpcm_ms": ("adpcm_ms",),
    "adpcm_ima_wav": ("adpcm_ima_wav",),
    "pcm_alaw": ("pcm_alaw",),
    "pcm_mulaw": ("pcm_mulaw",),
    **{f"pcm_{form}": (f"pcm_{form}",) for form in PCM},
}
# libavcodec opens a decoder only if its name is on this list, to learn a stream's parameters as well.
DECODERS = ",".join(decoder for codec in (VIDEO | AUDIO).values() for decoder in codec)


def check_codec(kind: str, codec: str) -> None:
    """SampleError `CodecRefused` unless `codec` (FFmpeg's name) is a listed one of `kind`, `video` or `audio`."""
    if codec not in (VIDEO if kind == "video" else AUDIO):
        raise SampleError("CodecRefused", f"a track of {kind} coded as {codec}, which is not decoded")
