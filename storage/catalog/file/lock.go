package file

import "errors"

// errInUse says that another process has the folder open: two that write the
// same catalog would each undo what the other did.
var errInUse = errors.New("another sluice is using it (choose a different folder with --data)")
