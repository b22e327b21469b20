package effects

import "crypto/rand"

func randText() string { return rand.Text() }
