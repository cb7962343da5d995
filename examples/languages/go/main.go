// A small agent, with the standard library alone: lock with waiting, read, write, report a conflict, release.
package main

import (
	"errors"
	"fmt"
	"log"
	"os"
	"time"
)

// Lease is a row of agent_locks, as far as this agent needs it.
type Lease struct {
	Type  string `json:"resource_type"`
	Name  string `json:"resource_name"`
	Token int64  `json:"fencing_token"`
}

// Wait is the answer of wait_for_lock.
type Wait struct {
	State    string  `json:"state"`
	Leases   []Lease `json:"leases"`
	Position int     `json:"position"`
	RetryMs  int     `json:"retry_ms"`
}

const ttlSeconds = 30

// Acquire takes a lock, and waits in line for it for up to `wait` seconds.
func (c *Client) Acquire(kind, name string, wait int) (*Lease, error) {
	request := newID()
	args := Args{"resource_type": kind, "resource_name": name, "agent_name": c.Agent,
		"execution_id": c.Execution, "ttl_seconds": ttlSeconds, "wait_seconds": wait, "request_id": request}
	var leases []Lease
	if err := c.send("POST", "rpc/acquire_lock", args, &leases); err != nil {
		return nil, err
	}
	// An empty list means that somebody holds it, and that we wait in line.
	for said := false; len(leases) == 0; {
		var turn Wait
		if err := c.send("POST", "rpc/wait_for_lock", Args{"request_id": request}, &turn); err != nil {
			return nil, err
		}
		switch turn.State {
		case "granted":
			leases = turn.Leases
		case "waiting":
			if !said {
				fmt.Println("waits at place", turn.Position)
				said = true
			}
			time.Sleep(time.Duration(turn.RetryMs) * time.Millisecond)
		default:
			return nil, errors.New("waited in vain")
		}
	}
	return &leases[0], c.Renew(&leases[0])
}

// Renew extends a lease, and confirms one that was waited for. A longer job calls it at a third of the TTL.
func (c *Client) Renew(lease *Lease) error {
	return c.Change("renew_lock", Args{"resource_type": lease.Type, "resource_name": lease.Name,
		"fencing_token": lease.Token, "ttl_seconds": ttlSeconds}, lease)
}

// Release gives a lease back; false if it had ended before.
func (c *Client) Release(lease *Lease) (bool, error) {
	var released []Lease
	err := c.Change("release_lock", Args{"resource_type": lease.Type, "resource_name": lease.Name,
		"fencing_token": lease.Token}, &released)
	return len(released) > 0, err
}

// Status is a row of subsystems, as far as this agent needs it.
type Status struct {
	State  string  `json:"state"`
	MassKg float64 `json:"current_mass_kg"`
}

// Conflict is a row of conflicts, as far as this agent needs it.
type Conflict struct {
	ID     int64  `json:"conflict_id"`
	Status string `json:"status"`
}

func main() {
	const agent = "go_agent"
	// Without a workspace the header is empty, and the workspace is `default`.
	client := &Client{os.Getenv("SUPABASE_URL"), os.Getenv("SUPABASE_KEY"), os.Getenv("SHAREDSTATE_WORKSPACE"),
		agent, agent + "-" + newID()}
	if err := work(client); err != nil {
		log.Fatal(err)
	}
}

func work(client *Client) error {
	lease, err := client.Acquire("subsystem", "shell", 20)
	if err != nil {
		return err
	}
	fmt.Println("holds shell")

	var rows []Status
	if err := client.Read("subsystems?select=state&name=eq.shell", &rows); err != nil {
		return err
	}
	if len(rows) == 0 {
		return errors.New("there is no subsystem shell: `sharedstate init` makes the default ones")
	}
	fmt.Println("shell was", rows[0].State)

	// With the token: refused with lease_lost if the lease has ended meanwhile.
	var written Status
	if err := client.Change("update_subsystem_status", Args{"subsystem": "shell", "fencing_token": lease.Token,
		"status": Args{"state": "designing", "current_mass_kg": 1.5}}, &written); err != nil {
		return err
	}
	fmt.Println("shell is", written.State+",", written.MassKg, "kg")

	// A refusal: another execution writes what this one holds.
	err = client.Change("update_subsystem_status", Args{"subsystem": "shell", "execution_id": "another-run",
		"status": Args{"state": "complete"}}, &written)
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		return fmt.Errorf("expected a refusal: %w", err)
	}
	fmt.Printf("refused: %s, held by %v\n", refusal.Slug, refusal.Detail("locked_by"))

	if err := reportAndSettle(client); err != nil {
		return err
	}
	released, err := client.Release(lease)
	if released {
		fmt.Println("released")
	}
	return err
}

func reportAndSettle(client *Client) error {
	var conflict Conflict
	if err := client.Change("log_conflict", Args{"severity": "low", "source": client.Agent,
		"target": "system_architect", "description": "The shell needs 0.5 kg more",
		"details": Args{"overage_kg": 0.5}}, &conflict); err != nil {
		return err
	}
	fmt.Println("conflict", conflict.ID, "is", conflict.Status)
	if err := client.Change("resolve_conflict", Args{"conflict_id": conflict.ID,
		"resolution": "It stays within its budget.", "resolved_by": client.Agent}, &conflict); err != nil {
		return err
	}
	fmt.Println("conflict", conflict.ID, "is", conflict.Status)
	return nil
}
