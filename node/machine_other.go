//go:build !linux

package node

func memoryBytes() uint64 { return unknownMemory }

func fileLimit() uint64 { return unknownMaxFiles }
