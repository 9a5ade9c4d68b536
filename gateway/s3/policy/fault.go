package policy

import "rhizome/gateway/s3/s3err"

// What is wrong with a policy, in AWS's words.
const (
	notJSON          = "Policies must be valid JSON and the first byte must be '{'"
	brokenJSON       = "This policy contains invalid Json"
	badAddress       = "Invalid IP address in Conditions"
	tooLong          = "Policy exceeds the maximum allowed document size."
	badVersion       = "The policy must contain a valid version string"
	unknownField     = "Unknown field"
	duplicateField   = "Duplicate field"
	missingStatement = "Missing required field Statement"
	emptyStatement   = "Could not parse the policy: Statement is empty!"
	duplicateSid     = "Statement IDs (SID) in a single policy must be unique."
	badEffect        = "Invalid effect"
	noEffect         = "Missing required field Effect"
	noPrincipal      = "Missing required field Principal"
	noAction         = "Missing required field Action"
	noResource       = "Missing required field Resource"
	badPrincipal     = "Invalid principal in policy"
	badAction        = "Policy has invalid action"
	badResource      = "Policy has invalid resource"
	actionNotFitting = "Action does not apply to any resource(s) in statement"
	badOperator      = "Invalid Condition type"
	badKey           = "Policy has an invalid condition key"
	badValue         = "Policy has an invalid condition value"
	keyNotFitting    = "Conditions do not apply to combination of actions and resources in statement"
	badType          = "Policy has an element of the wrong type"
)

// emptyList is what is wrong with an element without anything in it.
func emptyList(name string) string {
	switch name {
	case "Action", "NotAction":
		return badAction
	case "Resource", "NotResource":
		return badResource
	}
	return name + " cannot be empty!"
}

// fault returns MalformedPolicy; detail, if any, says where.
func fault(message, detail string) error {
	e := s3err.Newf(s3err.MalformedPolicy, "%s", message)
	if detail != "" {
		e = e.With("Detail", detail)
	}
	return e
}
