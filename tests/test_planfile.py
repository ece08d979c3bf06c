"""What a user changed in plan.yaml, and what only looks like a change."""

import dataclasses

import yaml
from stories import CASES

from afina import config, planfile, store
from afina.records import Choice, Forecast, Score, silent, to_json

PLAN = CASES["two"].plan


def on_disk(folder, record, written_from=None):
    store.write_text(folder / "records" / "plan.json", f'{{"record": {to_json(record)}}}')
    store.write_text(folder / planfile.NAME, planfile.text(written_from or record))


def edited(folder, *overrides):
    return planfile.edited(config.build({}, overrides), folder, silent).model_dump(exclude_unset=True)


def changed(plan, name, **changes):
    choices = [dataclasses.replace(one, **changes) if one.name == name else one for one in plan.choices]
    return dataclasses.replace(plan, choices=tuple(choices))


def test_an_untouched_file_holds_no_edit_and_a_changed_value_is_one(tmp_path):
    on_disk(tmp_path, PLAN)
    assert edited(tmp_path) == {}
    path = tmp_path / planfile.NAME
    path.write_text(path.read_text().replace("value: 3.0", "value: 7"))
    assert edited(tmp_path) == {"num_train_epochs": 7.0}
    assert edited(tmp_path, "epochs=2") == {"num_train_epochs": 2.0}


def test_a_file_that_a_killed_run_left_from_an_older_plan_holds_no_edits(tmp_path):
    """The record was written, the process died, and plan.yaml still says what the plan before it said."""
    newer = changed(PLAN, "num_train_epochs", value=9.0)
    newer = changed(newer, "learning_rate", value=5e-5, why=planfile.USERS)
    on_disk(tmp_path, newer, written_from=PLAN)
    assert edited(tmp_path) == {"learning_rate": 5e-5}  # which the user had set before


def test_a_plan_just_made_and_one_read_from_disk_are_the_same_one(tmp_path):
    """JSON makes 3.0 of the 3 in a field of floats."""
    whole = dataclasses.replace(PLAN, facts=dataclasses.replace(PLAN.facts, tokens=14, probe=1))
    on_disk(tmp_path, whole)
    path = tmp_path / planfile.NAME
    assert yaml.safe_load(path.read_text())["record"] == planfile._digest(
        store.read_record(tmp_path, "plan", type(PLAN))
    )
    path.write_text(path.read_text().replace("value: 3.0", "value: auto"))
    assert edited(tmp_path) == {}


def test_the_file_holds_what_each_technique_is_expected_to_gain_and_an_edit_of_it_changes_nothing(tmp_path):
    gain = Forecast("lora", Score("gain", 1.26, -3.04, 5.5), None, 7, {"seconds": 60.0})
    on_disk(tmp_path, dataclasses.replace(PLAN, forecasts=(gain,)))
    path = tmp_path / planfile.NAME
    said = {"technique": "lora", "gain": [1.3, -3.0, 5.5], "ahead": None, "costs": {"seconds": 60.0}}
    assert yaml.safe_load(path.read_text())["forecasts"] == [said]
    path.write_text(path.read_text().replace("5.5", "99"))
    assert edited(tmp_path) == {}


def test_a_file_without_a_note_of_its_record_is_read_as_it_stands(tmp_path):
    on_disk(tmp_path, PLAN)
    path = tmp_path / planfile.NAME
    content = yaml.safe_load(path.read_text())
    del content["record"]
    content["choices"] = [dataclasses.asdict(Choice("num_train_epochs", 4.0, "mine"))]
    path.write_text(yaml.safe_dump(content))
    assert edited(tmp_path) == {"num_train_epochs": 4.0}


def test_settings_of_what_the_command_line_turns_off_are_forgotten(tmp_path):
    technique = changed(PLAN, "technique", value="lora", why=planfile.USERS)
    kept = (Choice("lora_r", 16, planfile.USERS), Choice("balancing", "random", planfile.USERS))
    share = Choice("balancing_share", 0.5, planfile.USERS)
    on_disk(tmp_path, dataclasses.replace(technique, choices=(*technique.choices, *kept, share)))
    whole = {"technique": "lora", "lora_r": 16, "balancing": "random", "balancing_share": 0.5}
    assert edited(tmp_path) == whole
    assert edited(tmp_path, "technique=lora", "balancing=random") == whole
    assert edited(tmp_path, "balancing=none") == {"technique": "lora", "lora_r": 16, "balancing": "none"}
    assert edited(tmp_path, "technique=full") == {"technique": "full", "balancing": "random", "balancing_share": 0.5}
    assert edited(tmp_path, "technique=full", "lora_r=8")["lora_r"] == 8  # said now, and refused later


def test_layers_to_freeze_are_forgotten_where_the_command_line_names_another_technique(tmp_path):
    technique = changed(PLAN, "technique", value="freeze")
    depth = Choice("freeze_layers", 3, planfile.USERS)
    on_disk(tmp_path, dataclasses.replace(technique, choices=(*technique.choices, depth)))
    assert edited(tmp_path)["freeze_layers"] == 3
    assert edited(tmp_path, "technique=freeze")["freeze_layers"] == 3
    assert edited(tmp_path, "technique=full") == {"technique": "full"}
