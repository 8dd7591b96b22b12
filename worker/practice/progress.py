"""What a stream says while a picture is being made, in the dialects of real relays."""

from worker.practice.request_options import ProgressStyle

_PERCENTS = (7, 18, 34, 58, 79)


def progress_lines(style: ProgressStyle) -> tuple[str, ...]:
    """Return the pieces that are sent on the way, at even distances."""
    match style:
        case "percent":
            return (
                "> 🕐 排队中...\n\n",
                "> ⚡ 生成中...\n\n",
                *(f"> 进度 **{share}%**\n\n" for share in _PERCENTS),
            )
        case "cumulative":
            first, *others = _PERCENTS
            queue = ">🕐 Queuing...\n\n>⚡ Generating...\n\n>🏃 Progress "
            return (queue + str(first), *(f"..{share}" for share in others))
        case "sentences":
            return (
                "🎨 图像生成中，请稍候...\n\n",
                "Image generation in progress... (20s elapsed)\n\n",
                "Image generation in progress... (40s elapsed)\n\n",
            )
        case "none":
            return ()


def last_line(style: ProgressStyle, url: str | None) -> str:
    """Return what is said when the picture is there; some relays hide its address in the ``100``."""
    match style:
        case "percent":
            return "> 进度 **100%**\n\n> ✅ 生成完成\n\n"
        case "cumulative":
            return (
                f"..[100]({url})\n\n> ✅ Generation complete\n\n"
                if url
                else "..100\n\n> ✅ Generation complete\n\n"
            )
        case "sentences":
            return "Image generation complete.\n\n"
        case "none":
            return ""
