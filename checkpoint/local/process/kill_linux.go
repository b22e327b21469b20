package process

import "syscall"

// dieWithParent has a process killed when this one is.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
