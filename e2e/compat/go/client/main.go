// Uses an ensemble through go-zookeeper while its members restart: client CONNECT ALL ROOT.
package main

import (
	"fmt"
	"os"
)

func main() {
	connect, all, root := os.Args[1], os.Args[2], os.Args[3]
	one, other := open(connect), open(all)
	must(one.Create(root, nil, 0, anyone))
	znodes(one, other, root)
	watches(one, other, root)
	locks(one, other, root+"/lock")
	access(one, root+"/mine")
	one.Close()
	other.Close()
	survive(connect, all, root)
	fmt.Println("all is well")
}
