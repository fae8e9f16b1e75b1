// Reads dashboards by Grafana's own types and says what they do not take: a field that nobody knows, one that is missing, a value out of
// its bounds; in a dashboard, its panels with what is special to their kind, and its queries of Prometheus.
package main

import (
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func main() {
	plugins.RegisterDefaultPlugins()
	status := 0
	for _, file := range os.Args[1:] {
		for _, problem := range problemsOf(file) {
			fmt.Printf("%s: %s\n", file, problem)
			status = 1
		}
	}
	os.Exit(status)
}

func problemsOf(file string) []string {
	text, err := os.ReadFile(file)
	if err != nil {
		return []string{err.Error()}
	}
	read := dashboard.Dashboard{}
	return append(listed(read.UnmarshalJSONStrict(text)), listed(read.Validate())...)
}

// No problem comes as an empty list, which is not nil.
func listed(err error) []string {
	many, ok := err.(cog.BuildErrors)
	if !ok && err != nil {
		return []string{err.Error()}
	}
	var problems []string
	for _, one := range many {
		problems = append(problems, one.Error())
	}
	return problems
}
