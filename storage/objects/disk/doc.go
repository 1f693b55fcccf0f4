// Package disk keeps objects in a folder, a file for each.
//
// A Put writes a temporary file, syncs it, renames it into place and syncs the folder
// that it is in, and those above that were made for it: what it has acknowledged
// survives the machine. Temporary files lie in a folder of their own, which is emptied
// at the start, so an object is never a part of one, and what a crash left takes no
// search:
//
//	FOLDER/lock            one process at a time
//	FOLDER/new/            what is being written
//	FOLDER/objects/KEY     the objects
//
// Two bounds are kept: the bytes of all objects, and what has to stay free on the
// device for others. What would break one is refused with objects.ErrFull, as is what
// the device has no room for; deleting is up to who knows what is worth least. The bytes
// are those that the objects hold, counted at the start (a look at each file) and
// kept since; what the file system takes beside is not in them.
//
// All methods may be called at once, within what package objects says of one key.
package disk
