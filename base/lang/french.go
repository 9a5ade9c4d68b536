package lang

// catalogues hold the French forms by English text, one for each part of the
// program. They are never written to.
var catalogues = []map[string]string{frenchCommands, frenchResults, frenchErrors, frenchModel, frenchDisk, frenchRepair, frenchRecovery, frenchPeople, frenchHomes, frenchCluster, frenchLayout, frenchSeen, frenchWords, frenchSites, frenchKept, frenchEvents, frenchReports, frenchRemotes, frenchAsking, frenchStanding, frenchPlain}

func french(text string) (string, bool) {
	for _, c := range catalogues {
		if f, ok := c[text]; ok {
			return f, true
		}
	}
	return "", false
}
