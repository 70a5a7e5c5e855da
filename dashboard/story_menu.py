"""The dialog of stories: play one, record one's own step by step, edit it as text, open and keep it as a file."""

from __future__ import annotations

import streamlit as st

from memory_model import InputError

from .parameters import DEFAULTS, VIEW_NAMES
from .stories import Story, find_story, read_story, recorded, written
from .story_bar import open_step
from .story_files import LARGEST, keep, ready_texts, text_of
from .wording import plain

TEMPLATE = Story("My story", "Recorded from the dashboard.", ())


@st.dialog("Stories", width="large")
def menu(view: str) -> None:
    """Everything about stories; `view` is the place of the view that is recorded."""
    play, record, edit = st.tabs(["Play", "Record", "Edit or open"])
    with play:
        for name in ready_texts():
            _playable(name)
    with record:
        _record(view)
    with edit:
        _edit()


def _playable(name: str) -> None:
    story = find_story(name)
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(story.name)}**  \n{plain(story.about)}", width="stretch")
        _play_button(name, f"play_{name}")


def _play_button(name: str, key: str) -> None:
    if st.button("Play", key=key, icon=":material/play_arrow:", type="primary"):
        open_step(name, find_story(name), 1)
        st.rerun()


def _record(view: str) -> None:
    steps = st.session_state.setdefault("recorded_steps", [])
    st.markdown(
        "A step shows the page as it is now, with a title and a sentence. In the sentence, names such as `$total`, `$weights`, "
        "`$kv_cache`, `$free`, `$tokens` stand for the numbers on the page."
    )
    title = st.text_input("Title", key="record_title", max_chars=120)
    say = st.text_area("Sentence", key="record_say", max_chars=400, height=80)
    if st.button("Add this page as a step", key="record_add", icon=":material/add:"):
        try:
            step = recorded(
                view if view in VIEW_NAMES else VIEW_NAMES[0],
                title,
                say,
                {key: st.session_state[key] for key in DEFAULTS},
            )
            steps.append(step)
        except InputError as error:
            st.error(plain(str(error)))
    for number, step in enumerate(steps):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"{number + 1}. **{plain(step.title)}** {plain(step.say)}", width="stretch")
            if st.button("Up", key=f"record_up_{number}", disabled=number == 0):
                steps[number - 1 : number + 1] = [steps[number], steps[number - 1]]
                st.rerun(scope="fragment")
            if st.button("Remove", key=f"record_remove_{number}"):
                del steps[number]
                st.rerun(scope="fragment")
    if steps:
        text = written(Story(TEMPLATE.name, TEMPLATE.about, tuple(steps)))
        with st.container(horizontal=True):
            _play_button(keep(text), "play_recorded")
            st.download_button(
                "Save as a file", text, "story.yaml", "application/yaml", on_click="ignore", icon=":material/download:"
            )


def _edit() -> None:
    file = st.file_uploader("Open a story file", type=["yaml", "yml"], key="story_file", max_upload_size=1)
    shown = text_of(st.session_state.story) or next(iter(ready_texts().values()))
    if file is not None:
        shown = file.getvalue()[: 4 * LARGEST].decode("utf-8", errors="replace")
    text = st.text_area("The story as text", shown, height=300, key=f"story_text_{hash(shown)}", max_chars=LARGEST)
    try:
        story = read_story(text, "story")
    except InputError as error:
        st.error(plain(str(error)))
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        _play_button(keep(text), "play_edited")
        st.download_button(
            "Save as a file", text, "story.yaml", "application/yaml", on_click="ignore", icon=":material/download:"
        )
        st.caption(f"{len(story.steps)} steps. The file can be sent to others, or put into presets/stories.")
