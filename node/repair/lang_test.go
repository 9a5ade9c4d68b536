package repair_test

import "rhizome/base/lang"

func english() lang.Printer { return lang.New(lang.English) }
