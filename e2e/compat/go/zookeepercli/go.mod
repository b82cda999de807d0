module quorate.dev/e2e/zookeepercli

go 1.20

require github.com/outbrain/zookeepercli v1.0.12

require (
	github.com/outbrain/golib v0.0.0-20180830062331-ab954725f502 // indirect
	github.com/samuel/go-zookeeper v0.0.0-20190923202752-2cc03de413da // indirect
)
