
export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[]

export type Database = {
  
  "public": {
          Tables: {
            "agent_activity_logs": {
                  Row: {
                    "activity": string,"agent_name": string,"details": NonNullable<Json>,"execution_id": string | null,"id": number,"import_key": string | null,"timestamp": string,"transaction_id": unknown,"workspace": string
                  }
                  ComputedFields: never
                  Insert: {
                    "activity": string,"agent_name": string,"details"?: NonNullable<Json>,"execution_id"?: string | null,"id"?: never,"import_key"?: string | null,"timestamp"?: string,"transaction_id"?: unknown,"workspace": string
                  }
                  Update: {
                    "activity"?: string,"agent_name"?: string,"details"?: NonNullable<Json>,"execution_id"?: string | null,"id"?: never,"import_key"?: string | null,"timestamp"?: string,"transaction_id"?: unknown,"workspace"?: string
                  }
                  Relationships: [
                    
                  ]
                },"agent_locks": {
                  Row: {
                    "execution_id": string,"expires_at": string,"fencing_token": number,"locked_at": string,"locked_by": string,"provisional": boolean,"request_id": string | null,"resource_name": string,"resource_type": string,"ttl_seconds": number,"workspace": string
                  }
                  ComputedFields: never
                  Insert: {
                    "execution_id": string,"expires_at": string,"fencing_token": number,"locked_at"?: string,"locked_by": string,"provisional"?: boolean,"request_id"?: string | null,"resource_name": string,"resource_type": string,"ttl_seconds": number,"workspace": string
                  }
                  Update: {
                    "execution_id"?: string,"expires_at"?: string,"fencing_token"?: number,"locked_at"?: string,"locked_by"?: string,"provisional"?: boolean,"request_id"?: string | null,"resource_name"?: string,"resource_type"?: string,"ttl_seconds"?: number,"workspace"?: string
                  }
                  Relationships: [
                    
                  ]
                },"budget_reservations": {
                  Row: {
                    "agent_name": string,"cost_usd": number,"execution_id": string,"expires_at": string,"fencing_token": number | null,"locked_subsystem": string | null,"mass_kg": number,"power_w": number,"reservation_id": string,"reserved_at": string,"subsystem": string,"workspace": string
                  }
                  ComputedFields: never
                  Insert: {
                    "agent_name": string,"cost_usd": number,"execution_id": string,"expires_at": string,"fencing_token"?: number | null,"locked_subsystem"?: string | null,"mass_kg": number,"power_w": number,"reservation_id"?: string,"reserved_at"?: string,"subsystem": string,"workspace": string
                  }
                  Update: {
                    "agent_name"?: string,"cost_usd"?: number,"execution_id"?: string,"expires_at"?: string,"fencing_token"?: number | null,"locked_subsystem"?: string | null,"mass_kg"?: number,"power_w"?: number,"reservation_id"?: string,"reserved_at"?: string,"subsystem"?: string,"workspace"?: string
                  }
                  Relationships: [
                    
                  ]
                },"conflict_events": {
                  Row: {
                    "agent_name": string,"conflict_id": number,"created_at": string,"details": NonNullable<Json>,"event": string,"event_id": number,"execution_id": string | null,"workspace": string
                  }
                  ComputedFields: never
                  Insert: {
                    "agent_name": string,"conflict_id": number,"created_at"?: string,"details"?: NonNullable<Json>,"event": string,"event_id": number,"execution_id"?: string | null,"workspace": string
                  }
                  Update: {
                    "agent_name"?: string,"conflict_id"?: number,"created_at"?: string,"details"?: NonNullable<Json>,"event"?: string,"event_id"?: number,"execution_id"?: string | null,"workspace"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "conflict_events_workspace_conflict_id_fkey"
      columns: ["workspace","conflict_id"]
isOneToOne: false
      referencedRelation: "conflicts"
      referencedColumns: ["workspace","conflict_id"]
    }
                  ]
                },"conflicts": {
                  Row: {
                    "blocks_agents": (string)[],"conflict_id": number,"conflict_key": string | null,"created_at": string,"description": string,"details": NonNullable<Json>,"execution_id": string | null,"last_reported_at": string,"priority": number,"reported_to": string,"reports": number,"resolution": string | null,"resolved_at": string | null,"resolved_by": string | null,"severity": string,"source_agent": string,"status": string,"target_agent": string,"workspace": string
                  }
                  ComputedFields: never
                  Insert: {
                    "blocks_agents"?: (string)[],"conflict_id": number,"conflict_key"?: string | null,"created_at"?: string,"description": string,"details"?: NonNullable<Json>,"execution_id"?: string | null,"last_reported_at"?: string,"priority"?: number,"reported_to": string,"reports"?: number,"resolution"?: string | null,"resolved_at"?: string | null,"resolved_by"?: string | null,"severity": string,"source_agent": string,"status"?: string,"target_agent": string,"workspace": string
                  }
                  Update: {
                    "blocks_agents"?: (string)[],"conflict_id"?: number,"conflict_key"?: string | null,"created_at"?: string,"description"?: string,"details"?: NonNullable<Json>,"execution_id"?: string | null,"last_reported_at"?: string,"priority"?: number,"reported_to"?: string,"reports"?: number,"resolution"?: string | null,"resolved_at"?: string | null,"resolved_by"?: string | null,"severity"?: string,"source_agent"?: string,"status"?: string,"target_agent"?: string,"workspace"?: string
                  }
                  Relationships: [
                    
                  ]
                },"document_dependencies": {
                  Row: {
                    "accepted_version": number | null,"document": string,"execution_id": string | null,"on_subsystem": string,"read_token": number | null,"read_version": number | null,"recorded_at": string,"recorded_by": string,"seen_version": number,"subsystem": string,"workspace": string
                  }
                  ComputedFields: never
                  Insert: {
                    "accepted_version"?: number | null,"document": string,"execution_id"?: string | null,"on_subsystem": string,"read_token"?: number | null,"read_version"?: number | null,"recorded_at"?: string,"recorded_by": string,"seen_version": number,"subsystem": string,"workspace": string
                  }
                  Update: {
                    "accepted_version"?: number | null,"document"?: string,"execution_id"?: string | null,"on_subsystem"?: string,"read_token"?: number | null,"read_version"?: number | null,"recorded_at"?: string,"recorded_by"?: string,"seen_version"?: number,"subsystem"?: string,"workspace"?: string
                  }
                  Relationships: [
                    
                  ]
                },"global_constraints": {
                  Row: {
                    "base_version": number | null,"budget_allocations": NonNullable<Json>,"created_at": string,"created_by": string,"height_m": number | null,"merged": boolean,"metadata": NonNullable<Json>,"total_cost_usd_max": number | null,"total_mass_kg_max": number | null,"version": number,"voltage_v": number | null,"workspace": string
                  }
                  ComputedFields: never
                  Insert: {
                    "base_version"?: number | null,"budget_allocations"?: NonNullable<Json>,"created_at"?: string,"created_by": string,"height_m"?: number | null,"merged"?: boolean,"metadata"?: NonNullable<Json>,"total_cost_usd_max"?: number | null,"total_mass_kg_max"?: number | null,"version": number,"voltage_v"?: number | null,"workspace": string
                  }
                  Update: {
                    "base_version"?: number | null,"budget_allocations"?: NonNullable<Json>,"created_at"?: string,"created_by"?: string,"height_m"?: number | null,"merged"?: boolean,"metadata"?: NonNullable<Json>,"total_cost_usd_max"?: number | null,"total_mass_kg_max"?: number | null,"version"?: number,"voltage_v"?: number | null,"workspace"?: string
                  }
                  Relationships: [
                    
                  ]
                },"subsystem_designs": {
                  Row: {
                    "base_version": number | null,"created_at": string,"created_by": string,"design_data": NonNullable<Json>,"merged": boolean,"subsystem_name": string,"version": number,"workspace": string
                  }
                  ComputedFields: never
                  Insert: {
                    "base_version"?: number | null,"created_at"?: string,"created_by": string,"design_data": NonNullable<Json>,"merged"?: boolean,"subsystem_name": string,"version"?: number,"workspace": string
                  }
                  Update: {
                    "base_version"?: number | null,"created_at"?: string,"created_by"?: string,"design_data"?: NonNullable<Json>,"merged"?: boolean,"subsystem_name"?: string,"version"?: number,"workspace"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "subsystem_designs_workspace_subsystem_name_fkey"
      columns: ["workspace","subsystem_name"]
isOneToOne: false
      referencedRelation: "subsystems"
      referencedColumns: ["workspace","name"]
    },{
      foreignKeyName: "subsystem_designs_workspace_subsystem_name_fkey"
      columns: ["workspace","subsystem_name"]
isOneToOne: false
      referencedRelation: "system_status"
      referencedColumns: ["workspace","name"]
    }
                  ]
                },"subsystem_interfaces": {
                  Row: {
                    "base_version": number | null,"created_at": string,"created_by": string,"interfaces": NonNullable<Json>,"merged": boolean,"subsystem_name": string,"version": number,"workspace": string
                  }
                  ComputedFields: never
                  Insert: {
                    "base_version"?: number | null,"created_at"?: string,"created_by": string,"interfaces": NonNullable<Json>,"merged"?: boolean,"subsystem_name": string,"version"?: number,"workspace": string
                  }
                  Update: {
                    "base_version"?: number | null,"created_at"?: string,"created_by"?: string,"interfaces"?: NonNullable<Json>,"merged"?: boolean,"subsystem_name"?: string,"version"?: number,"workspace"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "subsystem_interfaces_workspace_subsystem_name_fkey"
      columns: ["workspace","subsystem_name"]
isOneToOne: false
      referencedRelation: "subsystems"
      referencedColumns: ["workspace","name"]
    },{
      foreignKeyName: "subsystem_interfaces_workspace_subsystem_name_fkey"
      columns: ["workspace","subsystem_name"]
isOneToOne: false
      referencedRelation: "system_status"
      referencedColumns: ["workspace","name"]
    }
                  ]
                },"subsystem_requirements": {
                  Row: {
                    "base_version": number | null,"created_at": string,"created_by": string,"merged": boolean,"requirements": NonNullable<Json>,"subsystem_name": string,"version": number,"workspace": string
                  }
                  ComputedFields: never
                  Insert: {
                    "base_version"?: number | null,"created_at"?: string,"created_by": string,"merged"?: boolean,"requirements": NonNullable<Json>,"subsystem_name": string,"version"?: number,"workspace": string
                  }
                  Update: {
                    "base_version"?: number | null,"created_at"?: string,"created_by"?: string,"merged"?: boolean,"requirements"?: NonNullable<Json>,"subsystem_name"?: string,"version"?: number,"workspace"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "subsystem_requirements_workspace_subsystem_name_fkey"
      columns: ["workspace","subsystem_name"]
isOneToOne: false
      referencedRelation: "subsystems"
      referencedColumns: ["workspace","name"]
    },{
      foreignKeyName: "subsystem_requirements_workspace_subsystem_name_fkey"
      columns: ["workspace","subsystem_name"]
isOneToOne: false
      referencedRelation: "system_status"
      referencedColumns: ["workspace","name"]
    }
                  ]
                },"subsystems": {
                  Row: {
                    "created_at": string,"current_cost_usd": number,"current_mass_kg": number,"current_power_w": number,"iteration": number,"last_execution_id": string | null,"metadata": NonNullable<Json>,"name": string,"state": string,"updated_at": string,"version": number,"within_budget": boolean | null,"workspace": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"current_cost_usd"?: number,"current_mass_kg"?: number,"current_power_w"?: number,"iteration"?: number,"last_execution_id"?: string | null,"metadata"?: NonNullable<Json>,"name": string,"state"?: string,"updated_at"?: string,"version"?: number,"within_budget"?: boolean | null,"workspace": string
                  }
                  Update: {
                    "created_at"?: string,"current_cost_usd"?: number,"current_mass_kg"?: number,"current_power_w"?: number,"iteration"?: number,"last_execution_id"?: string | null,"metadata"?: NonNullable<Json>,"name"?: string,"state"?: string,"updated_at"?: string,"version"?: number,"within_budget"?: boolean | null,"workspace"?: string
                  }
                  Relationships: [
                    
                  ]
                }
          }
          Views: {
            "budget_usage": {
                  Row: {
                    "allocated": number | null,"held": number | null,"name": string | null,"quantity": string | null,"remaining": number | null,"scope": string | null,"share": number | null,"used": number | null,"workspace": string | null
                  }
                  ComputedFields: never
                  Relationships: [
                    
                  ]
                },"lock_queue": {
                  Row: {
                    "agent_name": string,"execution_id": string,"gives_up_at": string,"position": number | null,"priority": number,"request_id": string,"resource_name": string,"resource_type": string,"waiting_since": string,"workspace": string
                  }
                  ComputedFields: never
                  Relationships: [
                    
                  ]
                },"system_status": {
                  Row: {
                    "active_conflicts": number | null,"budget_cost_usd": number | null,"budget_mass_kg": number | null,"budget_power_w": number | null,"current_cost_usd": number,"current_mass_kg": number,"current_power_w": number,"iteration": number,"lock_expires_at": string | null,"locked_by": string | null,"name": string,"stale_inputs": Json | null,"state": string,"updated_at": string,"version": number,"within_budget": boolean | null,"workspace": string
                  }
                  ComputedFields: never
                  Relationships: [
                    
                  ]
                }
          }
          Functions: {
            "acquire_lock":
{ Args: { "agent_name": string,"execution_id": string,"priority"?: number,"request_id"?: string,"resource_name": string,"resource_type": string,"ttl_seconds"?: number,"wait_seconds"?: number }; Returns: {
              "execution_id": string,
"expires_at": string,
"fencing_token": number,
"locked_at": string,
"locked_by": string,
"provisional": boolean,
"request_id": string | null,
"resource_name": string,
"resource_type": string,
"ttl_seconds": number,
"workspace": string
            }
                          SetofOptions: {
        from: "*"
        to: "agent_locks"
        isOneToOne: true
        isSetofReturn: true
      } },
"acquire_locks":
{ Args: { "agent_name": string,"execution_id": string,"priority"?: number,"request_id"?: string,"resources": Json,"ttl_seconds"?: number,"wait_seconds"?: number }; Returns: {
              "execution_id": string,
"expires_at": string,
"fencing_token": number,
"locked_at": string,
"locked_by": string,
"provisional": boolean,
"request_id": string | null,
"resource_name": string,
"resource_type": string,
"ttl_seconds": number,
"workspace": string
            }[]
                          SetofOptions: {
        from: "*"
        to: "agent_locks"
        isOneToOne: false
        isSetofReturn: true
      } },
"add_conflict_note":
{ Args: { "agent_name": string,"conflict_id": number,"execution_id"?: string,"note": string,"request_id"?: string }; Returns: {
              "agent_name": string,
"conflict_id": number,
"created_at": string,
"details": NonNullable<Json>,
"event": string,
"event_id": number,
"execution_id": string | null,
"workspace": string
            }
                          SetofOptions: {
        from: "*"
        to: "conflict_events"
        isOneToOne: true
        isSetofReturn: false
      } },
"blocked_by":
{ Args: { "agent_name": string }; Returns: {
              "blocks_agents": (string)[],
"conflict_id": number,
"conflict_key": string | null,
"created_at": string,
"description": string,
"details": NonNullable<Json>,
"execution_id": string | null,
"last_reported_at": string,
"priority": number,
"reported_to": string,
"reports": number,
"resolution": string | null,
"resolved_at": string | null,
"resolved_by": string | null,
"severity": string,
"source_agent": string,
"status": string,
"target_agent": string,
"workspace": string
            }[]
                          SetofOptions: {
        from: "*"
        to: "conflicts"
        isOneToOne: false
        isSetofReturn: true
      } },
"cancel_lock_request":
{ Args: { "request_id": string }; Returns: boolean
                           },
"checkin_subsystem":
{ Args: { "accept_stale"?: string,"activity"?: string,"agent_name": string,"design_data"?: Json,"details"?: Json,"execution_id": string,"fencing_token": number,"interfaces"?: Json,"release"?: boolean,"request_id"?: string,"status"?: Json,"strict"?: boolean,"subsystem": string }; Returns: Database["public"]['CompositeTypes']["subsystem_checkin"]
                          SetofOptions: {
        from: "*"
        to: "subsystem_checkin"
        isOneToOne: true
        isSetofReturn: false
      } },
"checkout_subsystem":
{ Args: { "agent_name": string,"execution_id": string,"fencing_token"?: number,"reads"?: (string)[],"reads_requirements"?: (string)[],"request_id"?: string,"subsystem": string,"ttl_seconds"?: number }; Returns: Database["public"]['CompositeTypes']["subsystem_checkout"]
                          SetofOptions: {
        from: "*"
        to: "subsystem_checkout"
        isOneToOne: true
        isSetofReturn: true
      } },
"cleanup_expired_locks":
{ Args: Record<PropertyKey, never>; Returns: number
                           },
"diff_documents":
{ Args: { "document": string,"from_version": number,"subsystem": string,"to_version": number }; Returns: Database["public"]['CompositeTypes']["document_change"][]
                          SetofOptions: {
        from: "*"
        to: "document_change"
        isOneToOne: false
        isSetofReturn: true
      } },
"diff_global_constraints":
{ Args: { "from_version": number,"to_version": number }; Returns: Database["public"]['CompositeTypes']["document_change"][]
                          SetofOptions: {
        from: "*"
        to: "document_change"
        isOneToOne: false
        isSetofReturn: true
      } },
"export_state":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"force_release_lock":
{ Args: { "reason": string,"released_by": string,"request_id"?: string,"resource_name": string,"resource_type": string }; Returns: {
              "execution_id": string,
"expires_at": string,
"fencing_token": number,
"locked_at": string,
"locked_by": string,
"provisional": boolean,
"request_id": string | null,
"resource_name": string,
"resource_type": string,
"ttl_seconds": number,
"workspace": string
            }
                          SetofOptions: {
        from: "*"
        to: "agent_locks"
        isOneToOne: true
        isSetofReturn: true
      } },
"get_active_conflicts":
{ Args: { "agent_name"?: string }; Returns: {
              "blocks_agents": (string)[],
"conflict_id": number,
"conflict_key": string | null,
"created_at": string,
"description": string,
"details": NonNullable<Json>,
"execution_id": string | null,
"last_reported_at": string,
"priority": number,
"reported_to": string,
"reports": number,
"resolution": string | null,
"resolved_at": string | null,
"resolved_by": string | null,
"severity": string,
"source_agent": string,
"status": string,
"target_agent": string,
"workspace": string
            }[]
                          SetofOptions: {
        from: "*"
        to: "conflicts"
        isOneToOne: false
        isSetofReturn: true
      } },
"get_board":
{ Args: { "cursor"?: string,"limit_count"?: number }; Returns: Json
                           },
"get_conflict_history":
{ Args: { "conflict_id": number }; Returns: {
              "agent_name": string,
"conflict_id": number,
"created_at": string,
"details": NonNullable<Json>,
"event": string,
"event_id": number,
"execution_id": string | null,
"workspace": string
            }[]
                          SetofOptions: {
        from: "*"
        to: "conflict_events"
        isOneToOne: false
        isSetofReturn: true
      } },
"get_lock_status":
{ Args: { "resource_name": string,"resource_type": string }; Returns: Database["public"]['CompositeTypes']["lock_status"]
                          SetofOptions: {
        from: "*"
        to: "lock_status"
        isOneToOne: true
        isSetofReturn: false
      } },
"get_recent_activity":
{ Args: { "activity"?: string,"agent_name"?: string,"before_id"?: number,"execution_id"?: string,"limit_count"?: number,"since"?: string,"until"?: string }; Returns: {
              "activity": string,
"agent_name": string,
"details": NonNullable<Json>,
"execution_id": string | null,
"id": number,
"import_key": string | null,
"timestamp": string,
"transaction_id": unknown,
"workspace": string
            }[]
                          SetofOptions: {
        from: "*"
        to: "agent_activity_logs"
        isOneToOne: false
        isSetofReturn: true
      } },
"get_situation":
{ Args: { "agent_name": string,"execution_id": string }; Returns: Database["public"]['CompositeTypes']["situation"]
                          SetofOptions: {
        from: "*"
        to: "situation"
        isOneToOne: true
        isSetofReturn: false
      } },
"health":
{ Args: Record<PropertyKey, never>; Returns: Database["public"]['CompositeTypes']["health_report"]
                          SetofOptions: {
        from: "*"
        to: "health_report"
        isOneToOne: true
        isSetofReturn: false
      } },
"import_state":
{ Args: { "document": Json,"request_id"?: string }; Returns: Database["public"]['CompositeTypes']["import_counts"][]
                          SetofOptions: {
        from: "*"
        to: "import_counts"
        isOneToOne: false
        isSetofReturn: true
      } },
"init_workspace":
{ Args: { "request_id"?: string,"with_defaults"?: boolean,"workspace_name": string }; Returns: Database["public"]['CompositeTypes']["workspace"]
                          SetofOptions: {
        from: "*"
        to: "workspace"
        isOneToOne: true
        isSetofReturn: false
      } },
"is_blocked":
{ Args: { "agent_name": string }; Returns: boolean
                           },
"list_workspaces":
{ Args: Record<PropertyKey, never>; Returns: Database["public"]['CompositeTypes']["workspace_summary"][]
                          SetofOptions: {
        from: "*"
        to: "workspace_summary"
        isOneToOne: false
        isSetofReturn: true
      } },
"log_agent_activities":
{ Args: { "entries": Json,"execution_id"?: string,"request_id"?: string }; Returns: {
              "activity": string,
"agent_name": string,
"details": NonNullable<Json>,
"execution_id": string | null,
"id": number,
"import_key": string | null,
"timestamp": string,
"transaction_id": unknown,
"workspace": string
            }[]
                          SetofOptions: {
        from: "*"
        to: "agent_activity_logs"
        isOneToOne: false
        isSetofReturn: true
      } },
"log_agent_activity":
{ Args: { "activity": string,"agent_name": string,"details"?: Json,"execution_id"?: string,"request_id"?: string }; Returns: {
              "activity": string,
"agent_name": string,
"details": NonNullable<Json>,
"execution_id": string | null,
"id": number,
"import_key": string | null,
"timestamp": string,
"transaction_id": unknown,
"workspace": string
            }
                          SetofOptions: {
        from: "*"
        to: "agent_activity_logs"
        isOneToOne: true
        isSetofReturn: false
      } },
"log_conflict":
{ Args: { "blocks"?: (string)[],"conflict_key"?: string,"description": string,"details"?: Json,"execution_id"?: string,"priority"?: number,"request_id"?: string,"severity": string,"source": string,"target": string }; Returns: {
              "blocks_agents": (string)[],
"conflict_id": number,
"conflict_key": string | null,
"created_at": string,
"description": string,
"details": NonNullable<Json>,
"execution_id": string | null,
"last_reported_at": string,
"priority": number,
"reported_to": string,
"reports": number,
"resolution": string | null,
"resolved_at": string | null,
"resolved_by": string | null,
"severity": string,
"source_agent": string,
"status": string,
"target_agent": string,
"workspace": string
            }
                          SetofOptions: {
        from: "*"
        to: "conflicts"
        isOneToOne: true
        isSetofReturn: false
      } },
"prune_activity":
{ Args: { "limit_count"?: number,"older_than": string,"request_id"?: string }; Returns: number
                           },
"read_activity":
{ Args: { "activity"?: string,"agent_name"?: string,"cursor"?: string,"execution_id"?: string,"limit_count"?: number }; Returns: Database["public"]['CompositeTypes']["activity_page"]
                          SetofOptions: {
        from: "*"
        to: "activity_page"
        isOneToOne: true
        isSetofReturn: false
      } },
"reassign_conflict":
{ Args: { "agent_name": string,"conflict_id": number,"execution_id"?: string,"reason": string,"request_id"?: string,"target_agent": string }; Returns: {
              "blocks_agents": (string)[],
"conflict_id": number,
"conflict_key": string | null,
"created_at": string,
"description": string,
"details": NonNullable<Json>,
"execution_id": string | null,
"last_reported_at": string,
"priority": number,
"reported_to": string,
"reports": number,
"resolution": string | null,
"resolved_at": string | null,
"resolved_by": string | null,
"severity": string,
"source_agent": string,
"status": string,
"target_agent": string,
"workspace": string
            }
                          SetofOptions: {
        from: "*"
        to: "conflicts"
        isOneToOne: true
        isSetofReturn: false
      } },
"record_dependency":
{ Args: { "agent_name": string,"document": string,"execution_id"?: string,"on_subsystem": string,"request_id"?: string,"subsystem": string,"version"?: number }; Returns: {
              "accepted_version": number | null,
"document": string,
"execution_id": string | null,
"on_subsystem": string,
"read_token": number | null,
"read_version": number | null,
"recorded_at": string,
"recorded_by": string,
"seen_version": number,
"subsystem": string,
"workspace": string
            }
                          SetofOptions: {
        from: "*"
        to: "document_dependencies"
        isOneToOne: true
        isSetofReturn: false
      } },
"release_budget":
{ Args: { "execution_id": string,"request_id"?: string,"reservation_id": string }; Returns: {
              "agent_name": string,
"cost_usd": number,
"execution_id": string,
"expires_at": string,
"fencing_token": number | null,
"locked_subsystem": string | null,
"mass_kg": number,
"power_w": number,
"reservation_id": string,
"reserved_at": string,
"subsystem": string,
"workspace": string
            }
                          SetofOptions: {
        from: "*"
        to: "budget_reservations"
        isOneToOne: true
        isSetofReturn: true
      } },
"release_execution":
{ Args: { "execution_id": string,"request_id"?: string }; Returns: Database["public"]['CompositeTypes']["execution_release"]
                          SetofOptions: {
        from: "*"
        to: "execution_release"
        isOneToOne: true
        isSetofReturn: false
      } },
"release_lock":
{ Args: { "execution_id": string,"fencing_token"?: number,"request_id"?: string,"resource_name": string,"resource_type": string }; Returns: {
              "execution_id": string,
"expires_at": string,
"fencing_token": number,
"locked_at": string,
"locked_by": string,
"provisional": boolean,
"request_id": string | null,
"resource_name": string,
"resource_type": string,
"ttl_seconds": number,
"workspace": string
            }
                          SetofOptions: {
        from: "*"
        to: "agent_locks"
        isOneToOne: true
        isSetofReturn: true
      } },
"remove_dependency":
{ Args: { "agent_name": string,"document": string,"execution_id"?: string,"on_subsystem": string,"request_id"?: string,"subsystem": string }; Returns: {
              "accepted_version": number | null,
"document": string,
"execution_id": string | null,
"on_subsystem": string,
"read_token": number | null,
"read_version": number | null,
"recorded_at": string,
"recorded_by": string,
"seen_version": number,
"subsystem": string,
"workspace": string
            }
                          SetofOptions: {
        from: "*"
        to: "document_dependencies"
        isOneToOne: true
        isSetofReturn: true
      } },
"renew_lock":
{ Args: { "execution_id": string,"fencing_token": number,"request_id"?: string,"resource_name": string,"resource_type": string,"ttl_seconds"?: number }; Returns: {
              "execution_id": string,
"expires_at": string,
"fencing_token": number,
"locked_at": string,
"locked_by": string,
"provisional": boolean,
"request_id": string | null,
"resource_name": string,
"resource_type": string,
"ttl_seconds": number,
"workspace": string
            }
                          SetofOptions: {
        from: "*"
        to: "agent_locks"
        isOneToOne: true
        isSetofReturn: false
      } },
"reopen_conflict":
{ Args: { "agent_name": string,"conflict_id": number,"execution_id"?: string,"reason": string,"request_id"?: string }; Returns: {
              "blocks_agents": (string)[],
"conflict_id": number,
"conflict_key": string | null,
"created_at": string,
"description": string,
"details": NonNullable<Json>,
"execution_id": string | null,
"last_reported_at": string,
"priority": number,
"reported_to": string,
"reports": number,
"resolution": string | null,
"resolved_at": string | null,
"resolved_by": string | null,
"severity": string,
"source_agent": string,
"status": string,
"target_agent": string,
"workspace": string
            }
                          SetofOptions: {
        from: "*"
        to: "conflicts"
        isOneToOne: true
        isSetofReturn: false
      } },
"reserve_budget":
{ Args: { "agent_name": string,"cost_usd"?: number,"execution_id": string,"fencing_token"?: number,"locked_subsystem"?: string,"mass_kg"?: number,"power_w"?: number,"request_id"?: string,"subsystem": string,"ttl_seconds"?: number }; Returns: {
              "agent_name": string,
"cost_usd": number,
"execution_id": string,
"expires_at": string,
"fencing_token": number | null,
"locked_subsystem": string | null,
"mass_kg": number,
"power_w": number,
"reservation_id": string,
"reserved_at": string,
"subsystem": string,
"workspace": string
            }
                          SetofOptions: {
        from: "*"
        to: "budget_reservations"
        isOneToOne: true
        isSetofReturn: true
      } },
"resolve_conflict":
{ Args: { "budget_transfer"?: Json,"conflict_id": number,"execution_id"?: string,"request_id"?: string,"resolution": string,"resolved_by": string }; Returns: {
              "blocks_agents": (string)[],
"conflict_id": number,
"conflict_key": string | null,
"created_at": string,
"description": string,
"details": NonNullable<Json>,
"execution_id": string | null,
"last_reported_at": string,
"priority": number,
"reported_to": string,
"reports": number,
"resolution": string | null,
"resolved_at": string | null,
"resolved_by": string | null,
"severity": string,
"source_agent": string,
"status": string,
"target_agent": string,
"workspace": string
            }
                          SetofOptions: {
        from: "*"
        to: "conflicts"
        isOneToOne: true
        isSetofReturn: false
      } },
"schema_version":
{ Args: Record<PropertyKey, never>; Returns: string
                           },
"transfer_budget":
{ Args: { "agent_name"?: string,"cost_usd"?: number,"execution_id"?: string,"from_subsystem": string,"mass_kg"?: number,"power_w"?: number,"reason"?: string,"request_id"?: string,"reservation_id"?: string,"to_subsystem": string }; Returns: {
              "base_version": number | null,
"budget_allocations": NonNullable<Json>,
"created_at": string,
"created_by": string,
"height_m": number | null,
"merged": boolean,
"metadata": NonNullable<Json>,
"total_cost_usd_max": number | null,
"total_mass_kg_max": number | null,
"version": number,
"voltage_v": number | null,
"workspace": string
            }
                          SetofOptions: {
        from: "*"
        to: "global_constraints"
        isOneToOne: true
        isSetofReturn: false
      } },
"update_global_constraints":
{ Args: { "base_version"?: number,"constraints": Json,"created_by": string,"execution_id"?: string,"request_id"?: string }; Returns: {
              "base_version": number | null,
"budget_allocations": NonNullable<Json>,
"created_at": string,
"created_by": string,
"height_m": number | null,
"merged": boolean,
"metadata": NonNullable<Json>,
"total_cost_usd_max": number | null,
"total_mass_kg_max": number | null,
"version": number,
"voltage_v": number | null,
"workspace": string
            }
                          SetofOptions: {
        from: "*"
        to: "global_constraints"
        isOneToOne: true
        isSetofReturn: false
      } },
"update_subsystem_design":
{ Args: { "base_version"?: number,"created_by": string,"design_data": Json,"execution_id"?: string,"fencing_token"?: number,"request_id"?: string,"subsystem": string }; Returns: {
              "base_version": number | null,
"created_at": string,
"created_by": string,
"design_data": NonNullable<Json>,
"merged": boolean,
"subsystem_name": string,
"version": number,
"workspace": string
            }
                          SetofOptions: {
        from: "*"
        to: "subsystem_designs"
        isOneToOne: true
        isSetofReturn: false
      } },
"update_subsystem_interfaces":
{ Args: { "base_version"?: number,"created_by": string,"execution_id"?: string,"fencing_token"?: number,"interfaces": Json,"request_id"?: string,"subsystem": string }; Returns: {
              "base_version": number | null,
"created_at": string,
"created_by": string,
"interfaces": NonNullable<Json>,
"merged": boolean,
"subsystem_name": string,
"version": number,
"workspace": string
            }
                          SetofOptions: {
        from: "*"
        to: "subsystem_interfaces"
        isOneToOne: true
        isSetofReturn: false
      } },
"update_subsystem_requirements":
{ Args: { "base_version"?: number,"created_by": string,"execution_id"?: string,"fencing_token"?: number,"request_id"?: string,"requirements": Json,"subsystem": string }; Returns: {
              "base_version": number | null,
"created_at": string,
"created_by": string,
"merged": boolean,
"requirements": NonNullable<Json>,
"subsystem_name": string,
"version": number,
"workspace": string
            }
                          SetofOptions: {
        from: "*"
        to: "subsystem_requirements"
        isOneToOne: true
        isSetofReturn: false
      } },
"update_subsystem_status":
{ Args: { "execution_id": string,"fencing_token"?: number,"request_id"?: string,"status": Json,"strict"?: boolean,"subsystem": string }; Returns: {
              "created_at": string,
"current_cost_usd": number,
"current_mass_kg": number,
"current_power_w": number,
"iteration": number,
"last_execution_id": string | null,
"metadata": NonNullable<Json>,
"name": string,
"state": string,
"updated_at": string,
"version": number,
"within_budget": boolean | null,
"workspace": string
            }
                          SetofOptions: {
        from: "*"
        to: "subsystems"
        isOneToOne: true
        isSetofReturn: false
      } },
"wait_for_lock":
{ Args: { "request_id": string }; Returns: Database["public"]['CompositeTypes']["lock_wait"]
                          SetofOptions: {
        from: "*"
        to: "lock_wait"
        isOneToOne: true
        isSetofReturn: false
      } },
"wait_until_unblocked":
{ Args: { "agent_name": string }; Returns: Database["public"]['CompositeTypes']["unblock_wait"]
                          SetofOptions: {
        from: "*"
        to: "unblock_wait"
        isOneToOne: true
        isSetofReturn: false
      } }
          }
          Enums: {
            [_ in never]: never
          }
          CompositeTypes: {
            "activity_page": {
                        "entries": (Database["public"]['Tables']["agent_activity_logs"]['Row'])[] | null,"cursor": string | null,"more": boolean | null,"retry_ms": number | null
                      },"awaited_lock": {
                        "resource_type": string | null,"resource_name": string | null,"position": number | null,"held_by": string | null,"held_until": string | null,"waiting_since": string | null,"gives_up_at": string | null,"request_id": string | null
                      },"document_change": {
                        "path": string | null,"change": string | null,"old": Json | null,"new": Json | null
                      },"execution_release": {
                        "leases": (Database["public"]['Tables']["agent_locks"]['Row'])[] | null,"waits": (Database["public"]['Views']["lock_queue"]['Row'])[] | null,"reservations": (Database["public"]['Tables']["budget_reservations"]['Row'])[] | null
                      },"health_report": {
                        "status": string | null,"schema_version": string | null,"server_time": string | null
                      },"import_counts": {
                        "section": string | null,"imported": number | null,"unchanged": number | null,"refused": number | null
                      },"lock_status": {
                        "resource_type": string | null,"resource_name": string | null,"holder": Database["public"]['Tables']["agent_locks"]['Row'] | null,"queue": (Database["public"]['Views']["lock_queue"]['Row'])[] | null
                      },"lock_wait": {
                        "state": string | null,"leases": (Database["public"]['Tables']["agent_locks"]['Row'])[] | null,"position": number | null,"retry_ms": number | null,"waiting_for": (string)[] | null
                      },"situation": {
                        "agent_name": string | null,"execution_id": string | null,"subsystem": string | null,"leases": (Database["public"]['Tables']["agent_locks"]['Row'])[] | null,"waits": (Database["public"]['CompositeTypes']["awaited_lock"])[] | null,"blocked_by": (Database["public"]['Tables']["conflicts"]['Row'])[] | null,"conflicts": (Database["public"]['Tables']["conflicts"]['Row'])[] | null,"budget": (Database["public"]['Views']["budget_usage"]['Row'])[] | null,"stale_inputs": Json | null,"activity": (Database["public"]['Tables']["agent_activity_logs"]['Row'])[] | null,"server_time": string | null
                      },"subsystem_checkin": {
                        "status": Database["public"]['Tables']["subsystems"]['Row'] | null,"interfaces": Database["public"]['Tables']["subsystem_interfaces"]['Row'] | null,"design": Database["public"]['Tables']["subsystem_designs"]['Row'] | null,"released": boolean | null
                      },"subsystem_checkout": {
                        "lease": Database["public"]['Tables']["agent_locks"]['Row'] | null,"status": Database["public"]['Tables']["subsystems"]['Row'] | null,"requirements": Database["public"]['Tables']["subsystem_requirements"]['Row'] | null,"interfaces": Database["public"]['Tables']["subsystem_interfaces"]['Row'] | null,"design": Database["public"]['Tables']["subsystem_designs"]['Row'] | null,"constraints": Database["public"]['Tables']["global_constraints"]['Row'] | null,"inputs": (Database["public"]['Tables']["subsystem_interfaces"]['Row'])[] | null,"input_requirements": (Database["public"]['Tables']["subsystem_requirements"]['Row'])[] | null,"conflicts": (Database["public"]['Tables']["conflicts"]['Row'])[] | null,"blocked_by": (Database["public"]['Tables']["conflicts"]['Row'])[] | null
                      },"unblock_wait": {
                        "blocked": boolean | null,"conflicts": (Database["public"]['Tables']["conflicts"]['Row'])[] | null,"retry_ms": number | null
                      },"workspace": {
                        "name": string | null,"created_at": string | null,"last_conflict_id": number | null
                      },"workspace_summary": {
                        "name": string | null,"created_at": string | null,"subsystems": number | null,"complete": number | null,"open_conflicts": number | null
                      }
          }
        }
}

type DatabaseWithoutInternals = Omit<Database, '__InternalSupabase'>

type DefaultSchema = DatabaseWithoutInternals[Extract<keyof Database, "public">]

export type Tables<
  DefaultSchemaTableNameOrOptions extends
    | keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
        DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
      DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])[TableName] extends {
      Row: infer R
    }
    ? R
    : never
  : DefaultSchemaTableNameOrOptions extends keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
  ? (DefaultSchema["Tables"] & DefaultSchema["Views"])[DefaultSchemaTableNameOrOptions] extends {
      Row: infer R
    }
    ? R
    : never
  : never

export type TablesInsert<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Insert: infer I
    }
    ? I
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
  ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Insert: infer I
    }
    ? I
    : never
  : never

export type TablesUpdate<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Update: infer U
    }
    ? U
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
  ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Update: infer U
    }
    ? U
    : never
  : never

export type Enums<
  DefaultSchemaEnumNameOrOptions extends
    | keyof DefaultSchema["Enums"]
    | { schema: keyof DatabaseWithoutInternals },
  EnumName extends DefaultSchemaEnumNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"]
    : never = never
> = DefaultSchemaEnumNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"][EnumName]
  : DefaultSchemaEnumNameOrOptions extends keyof DefaultSchema["Enums"]
  ? DefaultSchema["Enums"][DefaultSchemaEnumNameOrOptions]
  : never

export type CompositeTypes<
  PublicCompositeTypeNameOrOptions extends
    | keyof DefaultSchema["CompositeTypes"]
    | { schema: keyof DatabaseWithoutInternals },
  CompositeTypeName extends PublicCompositeTypeNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"]
    : never = never
> = PublicCompositeTypeNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"][CompositeTypeName]
  : PublicCompositeTypeNameOrOptions extends keyof DefaultSchema["CompositeTypes"]
  ? DefaultSchema["CompositeTypes"][PublicCompositeTypeNameOrOptions]
  : never

export const Constants = {
  "public": {
          Enums: {
            
          }
        }
} as const
