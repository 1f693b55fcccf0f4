// Package child runs another program so that it ends when this one does.
//
// In go an exec.Cmd that isn't started and has no context; out comes a Child.
// It is in a process group of its own and in our session: Ctrl+C in a terminal
// reaches us alone, and a nice value is weighed against ours. On Linux the
// kernel kills it when we die, however we die. On other systems its input
// ends then, which is the end of programs that read it.
//
// The kernel takes the thread that started a child for its parent, and Go ends
// threads as it likes: therefore a goroutine that keeps a thread to itself
// starts each child and waits for it. That is the only goroutine; it ends with
// the child, and Stop, Kill and Wait wait for it.
//
// Any number of goroutines may use a Child at once. A child costs us a thread.
package child
