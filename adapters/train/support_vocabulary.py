"""The trades of the training corpus. None of them is banking: the bank's documents and kinds of fact are held out."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Trade:
    docs: tuple[str, ...]  # document titles
    subjects: tuple[str, ...]  # what facts are about; {n} is an invented name
    actions: tuple[tuple[str, str], ...]  # infinitive, gerund
    groups: tuple[str, ...]  # who exceptions are made for
    papers: tuple[str, ...]  # what has to be shown


TRADES = (
    Trade(
        ("Mobile tariffs", "Network and roaming", "SIM handbook", "Coverage promise"),
        ("the {n} tariff", "the {n} Family tariff", "a data-only SIM", "the {n} pay-as-you-go SIM", "a roaming pass", "the {n} handset plan", "a second SIM", "a business line"),
        (("port a number", "porting a number"), ("unlock a handset", "unlocking a handset"), ("block a stolen SIM", "blocking a stolen SIM"), ("switch to an eSIM", "switching to an eSIM"), ("add a roaming bundle", "adding a roaming bundle"), ("hide a caller number", "hiding a caller number"), ("trade in an old phone", "trading in an old phone"), ("top up from abroad", "topping up from abroad"), ("pause a line", "pausing a line")),
        ("students", "customers on a legacy tariff", "seafarers", "households with three lines", "customers who joined before 2021"),
        ("the SIM card number", "the purchase receipt of the phone", "a police report", "the porting code", "the IMEI of the handset"),
    ),
    Trade(
        ("Energy supply terms", "Meter guide", "Heating care plan", "Solar export guide"),
        ("the {n} fixed tariff", "the {n} variable tariff", "a prepayment meter", "a smart meter", "the boiler care plan", "the solar export tariff", "the night-rate tariff", "a gas-only supply"),
        (("submit a meter reading", "submitting a meter reading"), ("move a gas meter", "moving a gas meter"), ("bleed a radiator", "bleeding a radiator"), ("report a power cut", "reporting a power cut"), ("book a boiler service", "booking a boiler service"), ("register solar panels", "registering solar panels"), ("reset a smart meter", "resetting a smart meter"), ("dispute an estimated bill", "disputing an estimated bill"), ("read the in-home display", "reading the in-home display")),
        ("pensioners", "homes without gas", "customers on the priority register", "tenants", "landlords with five homes or more"),
        ("the meter serial number", "a photo of the dial", "the tenancy agreement", "the installer's certificate", "the last two bills"),
    ),
    Trade(
        ("Travel insurance wording", "Pet cover guide", "Home contents policy", "Claims handbook"),
        ("the {n} Single Trip policy", "the {n} Annual policy", "pet cover", "winter sports cover", "contents cover", "gadget cover", "cruise cover", "bicycle cover"),
        (("claim for a delayed flight", "claiming for a delayed flight"), ("add a second pet", "adding a second pet"), ("extend cover while abroad", "extending cover while abroad"), ("declare a medical condition", "declaring a medical condition"), ("claim for stolen luggage", "claiming for stolen luggage"), ("transfer a policy to a partner", "transferring a policy to a partner"), ("obtain a cover letter for a visa", "obtaining a cover letter for a visa"), ("appeal against a refused claim", "appealing against a refused claim")),
        ("travellers over 70", "working dogs", "residents of the islands", "cyclists with two locks", "repeat policyholders"),
        ("the airline's written confirmation", "a vet's report", "the original receipts", "the crime reference number", "a doctor's letter"),
    ),
    Trade(
        ("Conditions of carriage", "Season tickets", "On-board rules", "Lost property"),
        ("the {n} Rover ticket", "a season ticket", "an off-peak return", "the sleeper train", "a first-class seat", "the {n} Railcard", "a bicycle reservation", "a group ticket"),
        (("change a seat reservation", "changing a seat reservation"), ("collect lost property", "collecting lost property"), ("bring a bicycle on board", "bringing a bicycle on board"), ("claim for a late train", "claiming for a late train"), ("renew a railcard", "renewing a railcard"), ("book wheelchair assistance", "booking wheelchair assistance"), ("travel with a dog", "travelling with a dog"), ("break a journey", "breaking a journey"), ("reprint a lost ticket", "reprinting a lost ticket")),
        ("children under 5", "railcard holders", "groups of ten or more", "veterans", "commuters with an annual ticket"),
        ("the booking reference", "a recent photo", "the used ticket", "the reservation coupon", "a certificate of disability"),
    ),
    Trade(
        ("Parcel service guide", "Courier terms", "Prohibited goods", "Depot handbook"),
        ("the {n} Express service", "the {n} Economy service", "a locker delivery", "a pallet", "a signed-for parcel", "a fragile parcel", "a Saturday delivery", "an export consignment"),
        (("redirect a parcel", "redirecting a parcel"), ("collect a parcel from a depot", "collecting a parcel from a depot"), ("report a damaged parcel", "reporting a damaged parcel"), ("send batteries", "sending batteries"), ("trace a missing consignment", "tracing a missing consignment"), ("book a pallet pick-up", "booking a pallet pick-up"), ("print a label at a shop", "printing a label at a shop"), ("leave a parcel with a neighbour", "leaving a parcel with a neighbour")),
        ("marketplace sellers", "charities", "senders with more than 50 parcels a week", "islands and highlands", "account holders"),
        ("the tracking number", "the customs form", "photos of the packaging", "the delivery card", "proof of value"),
    ),
    Trade(
        ("Library rules", "Reading room guide", "Interlibrary loans", "Study spaces"),
        ("a reference book", "a DVD", "the maker space", "an e-reader", "a study room", "the {n} Collection", "an interlibrary loan", "a reader's ticket"),
        (("renew a book", "renewing a book"), ("reserve a study room", "reserving a study room"), ("borrow an e-reader", "borrowing an e-reader"), ("order a book from another library", "ordering a book from another library"), ("print in colour", "printing in colour"), ("donate books", "donating books"), ("use the 3D printer", "using the 3D printer"), ("photograph a manuscript", "photographing a manuscript")),
        ("pupils", "doctoral students", "housebound readers", "members of the Friends' society", "visitors from abroad"),
        ("the reader's ticket", "a letter from a tutor", "proof of address", "the shelf mark", "a signed consent form"),
    ),
    Trade(
        ("Membership rules", "Pool and sauna", "Class timetable notes", "Equipment care"),
        ("the {n} membership", "an off-peak membership", "a day pass", "a personal trainer", "the climbing wall", "a locker", "a guest pass", "the crèche"),
        (("freeze a membership", "freezing a membership"), ("bring a guest", "bringing a guest"), ("book a squash court", "booking a squash court"), ("cancel a class", "cancelling a class"), ("rent a towel", "renting a towel"), ("join the waiting list", "joining the waiting list"), ("use the pool at night", "using the pool at night"), ("get an induction", "getting an induction")),
        ("members under 18", "shift workers", "corporate members", "members with an injury", "founding members"),
        ("a medical certificate", "the membership card", "a payslip", "a completed health form", "the locker key"),
    ),
    Trade(
        ("Admissions handbook", "Examination rules", "Residence guide", "Tuition terms"),
        ("the {n} scholarship", "a hall room", "the foundation year", "a part-time course", "a resit", "the exchange programme", "the {n} prize", "a late submission"),
        (("defer a place", "deferring a place"), ("resit an exam", "resitting an exam"), ("change a course", "changing a course"), ("request an extension", "requesting an extension"), ("appeal against a mark", "appealing against a mark"), ("order a transcript", "ordering a transcript"), ("keep a pet in hall", "keeping a pet in hall"), ("sublet a hall room", "subletting a hall room"), ("withdraw from a module", "withdrawing from a module")),
        ("first-year students", "student parents", "athletes", "students on placement", "mature students"),
        ("a sealed transcript", "form {c}", "a tutor's reference", "evidence of illness", "the matriculation card"),
    ),
    Trade(
        ("Guest information", "Reservations policy", "Banqueting terms", "Spa etiquette"),
        ("the {n} Suite", "a twin room", "the spa", "a banquet booking", "the underground garage", "the {n} package", "a cot", "the roof terrace"),
        (("check in early", "checking in early"), ("check out late", "checking out late"), ("bring a dog", "bringing a dog"), ("book the spa", "booking the spa"), ("charge an electric car", "charging an electric car"), ("store luggage", "storing luggage"), ("order breakfast in the room", "ordering breakfast in the room"), ("host a wedding", "hosting a wedding")),
        ("loyalty members", "airline crews", "children under 12", "guests of the {n} package", "wedding parties"),
        ("a passport", "the booking number", "a vaccination record", "the card used for the booking", "a signed menu"),
    ),
    Trade(
        ("Rental terms", "Damage and repairs", "Electric cars", "Driver rules"),
        ("the {n} compact", "a cargo van", "an electric car", "an additional driver", "a child seat", "a one-way hire", "snow chains", "the {n} cover"),
        (("return a car late", "returning a car late"), ("cross a border", "crossing a border"), ("add a driver", "adding a driver"), ("report a scratch", "reporting a scratch"), ("refuel before return", "refuelling before return"), ("swap a vehicle", "swapping a vehicle"), ("hire a roof box", "hiring a roof box"), ("drop the key after hours", "dropping the key after hours")),
        ("drivers under 25", "members of a motoring club", "weekend hires", "drivers with two years of licence", "corporate renters"),
        ("a driving licence", "the hire agreement", "an accident sketch", "an international permit", "the fuel receipt"),
    ),
    Trade(
        ("Patient guide", "Day surgery notes", "Visiting rules", "Pharmacy and tests"),
        ("the {n} ward", "a blood test", "an MRI scan", "a repeat prescription", "a private room", "the sleep clinic", "a travel vaccination", "a hearing test"),
        (("visit a patient", "visiting a patient"), ("order a repeat prescription", "ordering a repeat prescription"), ("postpone an operation", "postponing an operation"), ("see medical records", "seeing medical records"), ("collect test results", "collecting test results"), ("request an interpreter", "requesting an interpreter"), ("stay overnight with a child", "staying overnight with a child"), ("register with the clinic", "registering with the clinic")),
        ("carers", "patients after transplantation", "newborns", "blood donors", "patients from other regions"),
        ("a referral letter", "the vaccination booklet", "the discharge note", "a list of medicines", "a signed power of attorney"),
    ),
    Trade(
        ("Waste and recycling", "Parking permits", "Planning notes", "Allotments and parks"),
        ("a resident's permit", "a garden waste bin", "an allotment", "a market stall", "a skip on the road", "a dropped kerb", "the {n} Hall", "a street party"),
        (("dispose of a fridge", "disposing of a fridge"), ("fell a tree", "felling a tree"), ("hold a street party", "holding a street party"), ("hire a hall", "hiring a hall"), ("report a pothole", "reporting a pothole"), ("register a beehive", "registering a beehive"), ("contest a parking fine", "contesting a parking fine"), ("build a shed", "building a shed"), ("scatter ashes in a park", "scattering ashes in a park")),
        ("blue badge holders", "households on housing benefit", "community groups", "residents of listed buildings", "stallholders"),
        ("a site plan", "two proofs of residence", "the vehicle log book", "written consent of the neighbours", "a risk assessment"),
    ),
    Trade(
        ("Returns and exchanges", "Furniture delivery", "Gift cards", "Click and collect"),
        ("the {n} sofa", "a gift card", "a made-to-measure blind", "an ex-display item", "a mattress", "the {n} club", "a large appliance", "a bulk order"),
        (("return an opened item", "returning an opened item"), ("exchange a gift", "exchanging a gift"), ("cancel a bulk order", "cancelling a bulk order"), ("have furniture assembled", "having furniture assembled"), ("claim a price match", "claiming a price match"), ("collect an order at night", "collecting an order at night"), ("register a guarantee", "registering a guarantee"), ("recycle an old appliance", "recycling an old appliance")),
        ("trade customers", "club members", "orders above 30 kg", "buyers of clearance items", "teachers"),
        ("the till receipt", "the original packaging", "the guarantee card", "the order number", "photos of the fault"),
    ),
    Trade(
        ("Workspace plans", "Service levels", "Data export guide", "Support handbook"),
        ("the {n} plan", "a guest seat", "the sandbox workspace", "an archived project", "the audit export", "a custom domain", "the {n} add-on", "a trial workspace"),
        (("restore a deleted project", "restoring a deleted project"), ("transfer a workspace", "transferring a workspace"), ("export all files", "exporting all files"), ("invite a guest", "inviting a guest"), ("raise the storage quota", "raising the storage quota"), ("enable single sign-on", "enabling single sign-on"), ("merge two workspaces", "merging two workspaces"), ("appoint a second owner", "appointing a second owner")),
        ("non-profit teams", "open-source projects", "schools", "workspaces on annual billing", "beta testers"),
        ("the workspace ID", "a signed order form", "the owner's confirmation", "a DNS record", "a tax certificate"),
    ),
    Trade(
        ("Museum visitor rules", "Archive access", "Group visits", "Photography and filming"),
        ("the {n} exhibition", "the night tour", "an audio guide", "a school workshop", "the print room", "an annual pass", "the {n} tower", "a private view"),
        (("film in the galleries", "filming in the galleries"), ("touch the replicas", "touching the replicas"), ("handle an original drawing", "handling an original drawing"), ("borrow a wheelchair", "borrowing a wheelchair"), ("book a school group", "booking a school group"), ("reproduce an image", "reproducing an image"), ("climb the tower", "climbing the tower"), ("leave a pram at the entrance", "leaving a pram at the entrance")),
        ("school classes", "press visitors", "residents of the city", "friends of the museum", "art students"),
        ("a press card", "the group voucher", "a letter from the school", "the reader's declaration", "an identity card"),
    ),
    Trade(
        ("Tenants' handbook", "Repairs and safety", "Moving out", "Communal areas"),
        ("a furnished flat", "the laundry room", "a parking bay", "the {n} House block", "a storage cage", "the inventory", "a sublet", "the roof garden"),
        (("report a leak", "reporting a leak"), ("paint a wall", "painting a wall"), ("sublet a room", "subletting a room"), ("swap flats", "swapping flats"), ("install a satellite dish", "installing a satellite dish"), ("end a tenancy", "ending a tenancy"), ("request a spare key", "requesting a spare key"), ("use the laundry room on Sunday", "using the laundry room on Sunday"), ("challenge a service charge", "challenging a service charge")),
        ("key workers", "tenants of ground-floor flats", "wheelchair users", "tenants of more than ten years", "families with twins"),
        ("the inventory", "written consent of the landlord", "the tenancy number", "a dated photo", "the gas safety record"),
    ),
)

# Attributes that any subject may have, by the kind of value. The bank's documents use none of these.
ATTRIBUTES = {
    "money": ("joining fee", "call-out charge", "security deposit", "booking fee", "excess", "setup price", "cleaning charge", "storage charge", "inspection fee", "minimum order value", "handling surcharge", "weekend supplement", "restocking fee", "key deposit", "annual subscription", "per-mile charge", "assembly charge", "no-show fee", "registration fee", "parking surcharge"),
    "percent": ("group discount", "early-bird discount", "loyalty rebate", "cancellation share", "fuel surcharge", "service share", "recycled share", "attendance requirement", "pass mark", "commission of the agent", "refund share", "wear allowance"),
    "duration": ("trial period", "cooling-off period", "warranty", "delivery time", "minimum stay", "notice for changes", "response time", "waiting period", "loan period", "booking window", "repair time", "maximum stay", "guarantee on spare parts", "quarantine period", "probation"),
    "count": ("seat limit", "guest limit", "number of included visits", "number of free exchanges", "maximum group size", "minimum number of participants", "device limit", "number of parking spaces", "number of revisions", "page limit", "number of included hours"),
    "weight": ("weight limit", "size limit", "minimum distance", "delivery radius", "baggage allowance", "maximum depth", "headroom"),
    "age": ("minimum age", "maximum age"),
    "date": ("application deadline", "start of the season", "next price review", "closing date", "inspection date", "date of the last revision"),
    "clock": ("latest arrival time", "cut-off time", "quiet hour", "opening time on Sundays", "time of the last admission"),
    "hours": ("desk hours", "opening hours", "delivery slots", "hours of the helpline"),
    "role": ("person in charge", "contact for complaints", "responsible keeper", "approving authority"),
    "person": ("lead contact", "named coordinator", "trustee"),
    "place": ("collection point", "meeting point", "return point", "registered office"),
    "phone": ("emergency number", "direct line", "booking line"),
    "email": ("contact address", "address for applications"),
    "code": ("form", "tariff code", "order code", "contract clause", "approval class"),
}
