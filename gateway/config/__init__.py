"""From the YAML that a person wrote to the snapshot document that the workers take.

    load/       text → nodes with positions → structs of `schema`        (all structural errors at once)
    check/      what the structs mean together                             (all semantic errors at once)
    lower       structs → `document`, defaults filled in
    compile     all of it in one call, with the engine's own verdict; the door that other rooms use

Nothing is imported here, so that a command pays only for what it uses.
"""
