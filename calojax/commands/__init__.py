"""What the command line can do, behind both doors: `options` is the table of commands and flags,
`arguments` reads them, `work` checks what is asked for, and the command itself returns its work.
"""
